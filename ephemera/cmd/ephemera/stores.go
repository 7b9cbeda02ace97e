package main

import (
	"log/slog"

	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/pebble"
)

// stores are the kinds of stores beside SQLite.
func stores() []home.Kind {
	return []home.Kind{{Name: "pebble", Open: func(path string, logger *slog.Logger) (store.Store, error) {
		s, err := pebble.Open(path, logger)
		if err != nil {
			return nil, err // not a nil *lsm.Store, which would be taken for an open one
		}
		return s, nil
	}}}
}
