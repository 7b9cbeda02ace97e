package main

import (
	"log/slog"

	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/pebble"
)

// stores returns the kinds of stores other than SQLite.
func stores() []home.Kind {
	open := func(path string, logger *slog.Logger) (store.Store, error) {
		s, err := pebble.Open(path, logger)
		if err != nil {
			return nil, err // a nil *lsm.Store would be a store.Store that is not nil
		}
		return s, nil
	}
	return []home.Kind{{Name: "pebble", Open: open, Files: pebble.Files}}
}
