package webserver

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/jsontext"
)

// PlainURL refuses a path or query that net/http would pass on changed or in part: what is not
// UTF-8, parameters with a semicolon, which url.Values leaves out, and second values of a
// parameter, of which handlers read the first.
func (g Guard) PlainURL(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := checkURL(r.URL); err != nil {
			g.Refuse(w, r, &Refusal{Status: http.StatusBadRequest, Detail: err.Error()})
			return
		}
		next.ServeHTTP(w, r)
	})
}

func checkURL(u *url.URL) error {
	if !utf8.ValidString(u.Path) {
		return fmt.Errorf("the path %.100q is not valid UTF-8", u.EscapedPath())
	}
	if strings.Contains(u.RawQuery, ";") {
		return fmt.Errorf("the query %.100q contains ';', expected parameters separated by '&' (escape it as %%3B)", u.RawQuery)
	}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return fmt.Errorf("the query %.100q: %w", u.RawQuery, err)
	}
	for name, given := range values {
		if !utf8.ValidString(name) || !utf8.ValidString(given[0]) {
			return fmt.Errorf("the query %.100q is not valid UTF-8", u.RawQuery)
		}
		if len(given) > 1 {
			return fmt.Errorf("the query gives %.70q %d times, expected once", name, len(given))
		}
	}
	return nil
}

// PlainJSON refuses a body whose text package json would change: see jsontext.Check. It belongs
// behind Body.
func (g Guard) PlainJSON(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := jsontext.Check(BodyBytes(r)); err != nil {
			g.Refuse(w, r, &Refusal{Status: http.StatusBadRequest, Detail: "the body is " + err.Error()})
			return
		}
		next.ServeHTTP(w, r)
	})
}
