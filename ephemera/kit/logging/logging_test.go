package logging_test

import (
	"bytes"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/logging"
)

func levels(t *testing.T, text string) logging.Levels {
	t.Helper()
	parsed, err := logging.ParseLevels(text)
	require.NoError(t, err)
	return parsed
}

// record writes one event of a fixed time.
func record(t *testing.T, logger *slog.Logger) {
	t.Helper()
	at := time.Date(2026, 11, 20, 13, 0, 0, 123_999_999, time.FixedZone("east", 3600))
	r := slog.NewRecord(at, slog.LevelWarn, "peer left", 0)
	r.AddAttrs(slog.Duration("after", 1500*time.Millisecond), slog.Group("peer", "level", 3, "idle", time.Second))
	require.NoError(t, logger.With("logger", "p2p").Handler().Handle(t.Context(), r))
}

func TestLinesHaveTheKeysThatCollectorsExpect(t *testing.T) {
	for format, want := range map[logging.Format]string{
		logging.JSON: `{"ts":"2026-11-20T12:00:00.123Z","level":"warn","msg":"peer left","logger":"p2p","after":"1.5s","peer":{"level":3,"idle":"1s"}}`,
		logging.Text: `ts=2026-11-20T12:00:00.123Z level=warn msg="peer left" logger=p2p after=1.5s peer.level=3 peer.idle=1s`,
	} {
		var out bytes.Buffer
		record(t, logging.New(&out, format, logging.Levels{}))
		require.Equal(t, want+"\n", out.String())
	}
}

func TestAutoIsJSONOffATerminal(t *testing.T) {
	name := t.TempDir() + "/log"
	file, err := os.Create(name)
	require.NoError(t, err)
	defer file.Close()
	record(t, logging.New(file, logging.Auto, logging.Levels{}))
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Contains(t, string(text), `"msg":"peer left"`)
}

func TestPartsHaveLevelsOfTheirOwn(t *testing.T) {
	var out bytes.Buffer
	base := logging.New(&out, logging.Text, levels(t, "warn, p2p=debug,api=error"))
	for _, logger := range []*slog.Logger{base, base.With("logger", "p2p"), base.With("logger", "api").WithGroup("g"), base.With("logger", "p2p").With("logger", "other")} {
		logger.Debug("debug")
		logger.Warn("warn")
		logger.Error("error")
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		_, event, _ := strings.Cut(strings.TrimSpace(line), " ")
		got = append(got, event)
	}
	require.Equal(t, []string{
		"level=warn msg=warn", "level=error msg=error",
		"level=debug msg=debug logger=p2p", "level=warn msg=warn logger=p2p", "level=error msg=error logger=p2p",
		"level=error msg=error logger=api",
		"level=warn msg=warn logger=p2p logger=other", "level=error msg=error logger=p2p logger=other",
	}, got)
}

func TestWordsThatAreNotKnownAreRefused(t *testing.T) {
	for _, text := range []string{"", "loud", "info,p2p", "p2p=loud"} {
		_, err := logging.ParseLevels(text)
		require.ErrorContains(t, err, "expected debug, info, warn or error", text)
	}
	_, err := logging.ParseFormat("xml")
	require.ErrorContains(t, err, "expected text, json or auto")
	format, err := logging.ParseFormat("json")
	require.NoError(t, err)
	require.Equal(t, logging.JSON, format)
}

// A variable that is set to nothing counts as one that is not set.
func TestAnEmptyFormatIsAuto(t *testing.T) {
	format, err := logging.ParseFormat("")
	require.NoError(t, err)
	require.Equal(t, logging.Auto, format)
}

func TestLibrariesAreQuietUnlessEverythingIsLogged(t *testing.T) {
	for level, lines := range map[slog.Level][2]int{slog.LevelDebug: {1, 3}, slog.LevelInfo: {1, 1}, slog.LevelError: {1, 1}} {
		for i, quieten := range []func(slog.Handler) slog.Handler{logging.Errors, logging.Quiet} {
			var log strings.Builder
			logger := slog.New(quieten(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level}))).With("logger", "p2p").WithGroup("peer")
			logger.Info("came")
			logger.Warn("went")
			logger.Error("broke")
			require.Equal(t, lines[i], strings.Count(log.String(), "\n"), level)
			require.Contains(t, log.String(), "broke")
		}
	}
}
