package webserver

import (
	"net/http"
	"net/url"
)

// OwnPages refuses requests that a page of another origin caused, reads too. Such a page cannot see
// the answer, but it can cause the work. SameOrigin refuses only what changes something.
func (g Guard) OwnPages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if foreign(r) {
			g.Refuse(w, r, &Refusal{Status: http.StatusForbidden, Detail: "the request comes from a page of another origin (call from a program, or open the address yourself)"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// foreign reports whether a page of another origin caused the request. Of the headers that tell it
// browsers send Sec-Fetch-Site only to addresses that they trust, such as localhost, and Referer
// and Origin with some requests only. Programs send none.
func foreign(r *http.Request) bool {
	for _, site := range r.Header.Values("Sec-Fetch-Site") {
		if site != "same-origin" && site != "none" { // none: typed by a person
			return true
		}
	}
	for _, name := range []string{"Origin", "Referer"} {
		for _, value := range r.Header.Values(name) {
			page, err := url.Parse(value)
			if err != nil || page.Host != r.Host {
				return true // also "null", the origin of a page that hides it
			}
		}
	}
	return false
}
