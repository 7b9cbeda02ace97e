package jsontext_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/jsontext"
)

func TestTextThatGoWouldReplaceIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		`"a` + "\xff" + `"`:  "byte 2 (0xff)",
		"\xc3":               "byte 0 (0xc3)",
		`"` + "\xed\xa0\x80": "byte 1 (0xed)",
		`"\ud800"`:           `byte 1: \ud800`,
		`"\uDC00\ud800"`:     `byte 1: \uDC00`,
		`"\ud800\n"`:         `byte 1: \ud800`,
		`"\ud800\u0041"`:     `byte 1: \ud800`,
		`{"a\\":"\ud83d"}`:   `byte 8: \ud83d`,
		`"\ud800`:            `byte 1: \ud800`,
	} {
		err := jsontext.Check([]byte(text))
		require.ErrorContains(t, err, "not valid Unicode text", "%q", text)
		require.ErrorContains(t, err, want, "%q", text)
	}
	for _, text := range []string{
		``, `{}`, `"é€😀"`, `"\ud83d\ude00"`, `"\\ud800"`, `"\\\\ud800"`, `"\u00e9\ufffd"`, `"` + string(utf8.RuneError) + `"`, `\`, `\u`, `\u12`, `"\uzzzz"`,
	} {
		require.NoError(t, jsontext.Check([]byte(text)), "%q", text)
	}
}

// What passes decodes without replacement: a string that is decoded holds U+FFFD only if the
// document does.
func FuzzDecodedTextIsThatOfTheDocument(f *testing.F) {
	for _, seed := range []string{`"\ud83d\ude00"`, `"\ud800"`, "\"\xff\"", `"\\ud800"`, `"\\\ud800"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var decoded string
		if json.Unmarshal(data, &decoded) != nil {
			return
		}
		given := strings.ToLower(string(data))
		meant := strings.Count(given, "\ufffd") + strings.Count(given, `\ufffd`)
		replaced := strings.Count(decoded, "\ufffd")
		if jsontext.Check(data) == nil {
			require.LessOrEqual(t, replaced, meant)
		} else {
			require.Positive(t, replaced)
		}
	})
}

func TestUnmarshalRefusesWhatCheckDoes(t *testing.T) {
	var text string
	require.NoError(t, jsontext.Unmarshal([]byte(`"é"`), &text))
	require.Equal(t, "é", text)
	require.ErrorContains(t, jsontext.Unmarshal([]byte(`"\udfff"`), &text), "surrogate")
	require.Error(t, jsontext.Unmarshal([]byte(`"`), &text))
}
