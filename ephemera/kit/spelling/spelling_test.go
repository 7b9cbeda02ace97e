package spelling_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/spelling"
)

func TestNearestNameIsTheOneThatWasMeant(t *testing.T) {
	known := []string{"file", "http", "http.listen", "membership.source", "mesh"}
	for name, want := range map[string]string{
		"flie": "file", "htpp": "http", "http.lisen": "http.listen", "membership.sorce": "membership.source", "http.listne": "http.listen",
		"": "", "x": "", "host": "", "bananas": "", "mash": "mesh",
	} {
		require.Equal(t, want, spelling.Nearest(name, known), name)
	}
	require.Empty(t, spelling.Nearest("x", nil))
}

// A typing error is found, and what others set for themselves is left alone.
func TestUnknownVariablesAreFound(t *testing.T) {
	known := []string{"TOOL_EPOCH", "TOOL_HOST", "TOOL_HTTP__LISTEN"}
	require.Equal(t, []spelling.Variable{
		{Name: "TOOL_COLOUR"},
		{Name: "TOOL_EPOHC", Meant: "TOOL_EPOCH"},
		{Name: "TOOL_HTTP_LISTEN", Meant: "TOOL_HTTP__LISTEN"},
		{Name: "TOOL_PORT"},
	}, spelling.Unknown([]string{
		"TOOL_PORT=8080", "TOOL_EPOHC=4s", "TOOL_HTTP_LISTEN=127.0.0.1:1", "TOOL_COLOUR=red", "TOOL_EPOCH=2s", "TOOL_EPOCHS=", "TOOLS=1", "PATH=/", "odd",
	}, "TOOL_", known))
	require.Empty(t, spelling.Unknown([]string{
		"TOOL_PORT=tcp://192.0.2.1:1", "TOOL_SERVICE_HOST=192.0.2.1", "TOOL_SERVICE_PORT=1", "TOOL_SERVICE_PORT_HTTP=1", "TOOL_API_SERVICE_HOST=192.0.2.1",
		"TOOL_PORT_8080_TCP=tcp://192.0.2.1:1", "TOOL_PORT_8080_TCP_ADDR=192.0.2.1", "TOOL_API_PORT=tcp://192.0.2.1:1",
	}, "TOOL_", known))
}
