-- keys: order
-- args: nonce orderTtlSeconds
-- include: numbering
--
-- A new ticket for a delivery that waited after it was taken.
return ticketOf(order, nonce, orderTtlSeconds)
