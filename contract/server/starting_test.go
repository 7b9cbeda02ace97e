package server_test

import (
	"database/sql"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/server"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/freeport"
)

// A contract whose database another program has locked is alive, and says what it waits for.
func TestAContractThatWaitsForItsDatabaseIsAlive(t *testing.T) {
	cfg := configure(t, 4, 3)
	first, err := server.New(cfg)
	require.NoError(t, err)
	require.NoError(t, first.Close())
	other, err := sql.Open("sqlite3", "file:"+cfg.Database)
	require.NoError(t, err)
	other.SetMaxOpenConns(1)
	_, err = other.Exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; PRAGMA user_version = 0")
	require.NoError(t, err)

	cfg.Listen, err = freeport.Address()
	require.NoError(t, err)
	type opened struct {
		contract *server.Server
		err      error
	}
	opening := make(chan opened, 1)
	go func() {
		made, err := server.New(cfg)
		opening <- opened{made, err}
	}()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	require.Eventually(t, func() bool {
		answer, err := client.Get("http://" + cfg.Listen + contract.PathLive)
		if err == nil {
			_ = answer.Body.Close()
		}
		return err == nil && answer.StatusCode == http.StatusOK
	}, 20*time.Second, time.Millisecond)
	answer, err := client.Get("http://" + cfg.Listen + contract.PathReady)
	require.NoError(t, err)
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode)
	require.Contains(t, string(body), "opening the database")
	require.Empty(t, opening, "it waits")

	_, err = other.Exec("ROLLBACK")
	require.NoError(t, err)
	require.NoError(t, other.Close())
	got := <-opening
	require.NoError(t, got.err)
	require.Equal(t, "http://"+cfg.Listen, got.contract.URL())
	require.NoError(t, got.contract.Close())
}
