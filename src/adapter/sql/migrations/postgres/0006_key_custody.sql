-- Who keeps the private part of a key: this database, or a hardware token.
ALTER TABLE key_records ADD COLUMN custody TEXT NOT NULL DEFAULT 'sealed';
