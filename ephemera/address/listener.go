package address

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// CheckHostPort returns an error unless text is a host, which may be empty, and a port of 0 to
// 65535.
func CheckHostPort(text string) error {
	host, port, err := net.SplitHostPort(text)
	if err != nil || hasBlank(host) {
		return fmt.Errorf("%q is not an address; expected host:port, such as 127.0.0.1:3100", text)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%q has port %q, expected 0..65535", text, port)
	}
	return nil
}

// CheckURL returns an error unless text is an http or https URL with a host, without blanks and
// with a port of 1 to 65535 if it has one.
func CheckURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || hasBlank(text) || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("%.200q is not a URL; expected one such as http://127.0.0.1:8080", text)
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return fmt.Errorf("%.200q has port %s, expected 1..65535", text, port)
		}
	}
	return nil
}

// hasBlank reports whether text contains a space, newline or control character.
func hasBlank(text string) bool {
	return strings.ContainsFunc(text, func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) })
}
