-- +goose Up
-- CRC-32C of the blob next to it. An ID is a hash and covers what is signed; the signatures, which it does not cover, may rot as well.
-- NULL in rows that older programs wrote.
ALTER TABLE messages ADD COLUMN crc INTEGER;
ALTER TABLE headers ADD COLUMN crc INTEGER;
ALTER TABLE certificates ADD COLUMN crc INTEGER;
