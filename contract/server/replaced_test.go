package server_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract/server"
)

// A contract ends by itself when its database is replaced or deleted, even if no epoch is due.
func TestContractStopsWhenItsDatabaseIsReplaced(t *testing.T) {
	for name, lose := range map[string]func(t *testing.T, path string){
		"deleted": func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) },
		"replaced": func(t *testing.T, path string) {
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path+".copy", data, 0o600))
			require.NoError(t, os.Rename(path+".copy", path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := configure(t, 4, 3)
			cfg.EpochDuration, cfg.FirstEpoch = time.Hour, time.Now().Add(time.Hour)
			contract, err := server.New(cfg)
			require.NoError(t, err)
			lose(t, cfg.Database)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			err = contract.Run(ctx)
			require.NoError(t, ctx.Err(), "it did not end by itself")
			require.ErrorContains(t, err, "the database lacks what the contract has settled")
			require.ErrorContains(t, err, "contract recover --db "+cfg.Database)
		})
	}
}
