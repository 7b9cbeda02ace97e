-- +goose Up
ALTER TABLE contract ADD COLUMN marked INTEGER NOT NULL DEFAULT 0; -- 1: the file .marker next to the database has been written
