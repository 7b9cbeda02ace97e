package database

import (
	"context"
	"maps"

	"github.com/jmoiron/sqlx"
)

// Settings returns the settings that were kept with KeepSettings, by name. The migrations must have
// made the table setting with the columns name, its key, and value.
func (db *DB) Settings(ctx context.Context) (map[string]string, error) {
	var rows []struct{ Name, Value string }
	if err := db.SelectContext(ctx, &rows, `SELECT name, value FROM setting`); err != nil {
		return nil, err
	}
	kept := make(map[string]string, len(rows))
	for _, row := range rows {
		kept[row.Name] = row.Value
	}
	return kept, nil
}

// KeepSettings stores settings, so that a later start can say which of them differ. Others that
// were kept before stay. It writes nothing if nothing differs.
func (db *DB) KeepSettings(ctx context.Context, settings map[string]string) error {
	kept, err := db.Settings(ctx)
	if err != nil {
		return err
	}
	both := maps.Clone(kept)
	if maps.Copy(both, settings); maps.Equal(kept, both) {
		return nil
	}
	return db.Write(ctx, func(tx *sqlx.Tx) error {
		for name, value := range settings {
			_, err := tx.ExecContext(ctx, `INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
			if err != nil {
				return err
			}
		}
		return nil
	})
}
