package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// shown matches a secret that Compose would put into a command line or the environment.
var shown = regexp.MustCompile(`(?i)(--(token|secret|password)(=|\s*$)|\$\{?[a-z_]*(token|secret|password)|^\s*-?\s*[a-z_]*(token|secret|password)\s*[:=])`)

func TestComposeFileShowsNoSecret(t *testing.T) {
	text, err := os.ReadFile("../../docker-compose.yml")
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(strings.TrimSpace(line), "#") {
			require.NotRegexp(t, shown, line)
		}
	}
	for _, line := range []string{"      - --token=${TOKEN:-let-me-in}", "      - --token=x", "      - --token", "      TOKEN: x", "      - CONTRACT_TOKEN=x"} {
		require.Regexp(t, shown, line)
	}
}
