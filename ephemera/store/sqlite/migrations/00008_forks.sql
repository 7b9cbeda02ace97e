-- +goose Up
-- Two certificates for different blocks of one slot (canonical CBOR); of a chain the first pair is kept. More than f members are faulty.
CREATE TABLE forks (
    chain         INTEGER PRIMARY KEY REFERENCES chains,
    certificate_a BLOB    NOT NULL,
    certificate_b BLOB    NOT NULL
) STRICT;
