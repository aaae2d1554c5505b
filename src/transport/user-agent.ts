import { PACKAGE_NAME, PACKAGE_VERSION } from '../package-info.js';

/** Names the connector and its version in every request. */
export const USER_AGENT = `${PACKAGE_NAME}/${PACKAGE_VERSION}`;
