-- keys: any
-- args:
--
-- INFO of the server that has our keys. In a cluster INFO alone asks any server.
return redis.call('INFO')
