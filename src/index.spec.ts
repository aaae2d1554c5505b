import { expect, it } from 'vitest';
import * as connector from './index.js';

// A name that appears here is a promise; one that disappears breaks a partner.
it('exports exactly what partners may use', () => {
  expect(Object.keys(connector).sort()).toEqual([
    'ApolloCommercetoolsClient',
    'ApolloFluentClient',
    'BullMessageQueue',
    'CircuitOpenError',
    'CommercetoolsClient',
    'ConfigurationError',
    'ConfiguredOrderLookup',
    'ConflictError',
    'ConnectorConfig',
    'ConnectorError',
    'ConnectorModule',
    'FluentClient',
    'FluentSettingsSource',
    'MessageQueue',
    'MutationOrderUpdate',
    'NotificationHandler',
    'ORDER_STATES',
    'OrderLookup',
    'OrderUpdate',
    'PAYMENT_STATES',
    'PermanentError',
    'PinoLogger',
    'QueueUnavailableError',
    'RsaSignatureVerifier',
    'SHIPMENT_STATES',
    'SettingsSource',
    'SettingsStatusMapper',
    'SignatureVerifier',
    'StatusMapper',
    'TransientError',
    'bootstrapConnector',
    'orderOf',
    'orderUpdateActions',
  ]);
});
