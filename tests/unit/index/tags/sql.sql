-- Customers of the shop.
CREATE TABLE IF NOT EXISTS shop.customers (
    id INTEGER PRIMARY KEY,
    "full name" TEXT NOT NULL,
    total NUMERIC(10, 2) DEFAULT 0,
    CONSTRAINT positive CHECK (total >= 0)
);

create temporary table `orders` (id int);

CREATE OR REPLACE VIEW open_orders AS SELECT * FROM orders WHERE paid = 0;
CREATE MATERIALIZED VIEW totals AS SELECT sum(total) FROM orders;

CREATE INDEX orders_by_id ON orders (id);
CREATE UNIQUE INDEX IF NOT EXISTS u ON orders (id);

/* Adds two numbers. */
CREATE FUNCTION add_up(a integer, b integer) RETURNS integer
    AS 'select a + b;' LANGUAGE SQL;

CREATE OR REPLACE FUNCTION app.touch() RETURNS integer AS $$
  SELECT 1;
$$ LANGUAGE sql;

CREATE TRIGGER touch_orders BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION app.touch();
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE SEQUENCE numbers;
CREATE SCHEMA shop;
CREATE DATABASE store;
CREATE ROLE reader;
CREATE EXTENSION pgcrypto;
ALTER TABLE orders ADD COLUMN note TEXT;
SELECT id AS x FROM orders;
INSERT INTO orders VALUES (1);
