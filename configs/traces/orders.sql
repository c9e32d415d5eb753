-- A small shop: two tables, filled, indexed, joined, changed and looked up.
-- Recorded with an in-memory database: sqlite3 :memory: < orders.sql
PRAGMA cache_size = -8000;
CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT NOT NULL, city INTEGER NOT NULL);
CREATE TABLE purchase (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL, cents INTEGER NOT NULL,
                       note TEXT NOT NULL, receipt BLOB NOT NULL);

BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150)
INSERT INTO customer SELECT i, printf('customer %05d', (i * 7919) % 100003), (i * 31) % 97 FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600)
INSERT INTO purchase
SELECT i, 1 + (i * 48271) % 150, (i * 69621) % 100000,
       printf('%08x', i * 2654435761 % 4294967296) ||
       ' Left at the back door, as agreed on the telephone; the invoice goes to the office in town, ' ||
       'with a copy to the warehouse, where the second half of the goods is kept until the customer ' ||
       'asks for it. Please mind the dog, the gate, and the flower pots to the left of the stairs; ' ||
       'ring twice, wait, and leave a note if nobody is in. The next delivery is due in four weeks.',
       zeroblob(5000 + i % 7 * 300)
FROM n;
COMMIT;

CREATE INDEX purchase_by_customer ON purchase (customer, cents);
CREATE INDEX customer_by_name ON customer (name);

SELECT city, COUNT(*), SUM(cents)
FROM customer JOIN purchase ON purchase.customer = customer.id
GROUP BY city ORDER BY SUM(cents) DESC LIMIT 3;

SELECT COUNT(*) FROM purchase WHERE note LIKE '7a%';

BEGIN;
UPDATE purchase SET cents = cents + 1 WHERE customer % 5 = 0;
DELETE FROM purchase WHERE cents < 4000;
COMMIT;

SELECT customer.name, MAX(cents)
FROM purchase JOIN customer ON customer.id = purchase.customer
GROUP BY customer.id ORDER BY customer.name LIMIT 3;
