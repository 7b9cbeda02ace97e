package p2p

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyErrorsAreLogged(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(onlyErrors{slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})}).With("logger", "pubsub").WithGroup("x")
	log.Warn("error bumping delivery tag")
	require.Empty(t, out.String())
	log.Error("it broke")
	require.Contains(t, out.String(), "it broke")
}
