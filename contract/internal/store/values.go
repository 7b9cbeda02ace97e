package store

import (
	"database/sql"
	"encoding/hex"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// These functions convert between domain types and columns of the database.

func hexKey(key keys.Public) string { return hex.EncodeToString(key[:]) }

func hexBlock(id block.ID) string {
	if id == (block.ID{}) {
		return ""
	}
	return id.String()
}

func parseKey(text string) (keys.Public, error) {
	key, err := keys.ParsePublic(text)
	if err != nil {
		return keys.Public{}, fmt.Errorf("the database is damaged: %w", err)
	}
	return key, nil
}

func parseBlock(text string) (id block.ID, err error) {
	if text == "" {
		return id, nil
	}
	if err := id.UnmarshalText([]byte(text)); err != nil {
		return id, fmt.Errorf("the database is damaged: block ID: %w", err)
	}
	return id, nil
}

func nullUptime(u metrics.Uptime) sql.NullInt32 {
	return sql.NullInt32{Int32: int32(u), Valid: u != metrics.Missing}
}

func nullEpoch(e contract.Epoch) sql.NullInt64 { return sql.NullInt64{Int64: int64(e), Valid: e != 0} }
