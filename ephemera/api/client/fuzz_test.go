package client

import (
	"encoding/json"
	"testing"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
)

func FuzzFrame(f *testing.F) {
	for _, seed := range []string{
		`{"type":"progress","cursor":7}`, `{"type":"problem","problem":{"type":"urn:ephemera:problem:lagging","cursor":3}}`, `{"type":"problem"}`,
		`{"type":"block","cursor":1,"entry":{"cursor":1,"block":{"count":1},"certificate":{}}}`, `{"type":"block"}`, `{}`, `[`, `null`,
	} {
		f.Add([]byte(seed))
	}
	c, err := New("http://node.example", Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var frame api.Frame
		if json.Unmarshal(data, &frame) != nil {
			return
		}
		yielded := 0
		s := &subscriber{client: c, yield: func(e api.Entry, err error) bool {
			yielded++
			if _, broken := e.Block.Canonical(); broken != nil || err != nil {
				t.Fatalf("yielded a block that does not verify: %v", broken)
			}
			return true
		}}
		for range 2 {
			_ = s.handle(frame)
		}
		if yielded > 1 {
			t.Fatal("yielded twice")
		}
	})
}
