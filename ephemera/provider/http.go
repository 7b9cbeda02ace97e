package provider

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/address"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/jsontext"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// ErrNotComplete reports a source whose group is not complete yet.
var ErrNotComplete = errors.New("the group is not complete yet")

// HTTPConfig describes a source that is polled with GET. Only URL is required.
type HTTPConfig struct {
	// URL is complete, such as http://127.0.0.1:8080/contract/peer_info.
	URL string
	// Keep is the file that keeps the last good list across restarts, in the format of File. If it is
	// empty, the list is not kept.
	Keep string
	// Timeout bounds one request. The default is 10 s.
	Timeout time.Duration
	// Client may be nil: the source then creates its own.
	Client *http.Client
}

// peerInfo is the part of the contract's response to GET /contract/peer_info that matters here.
type peerInfo struct {
	Network  string        `json:"network"`
	Group    membership.ID `json:"group"`
	Number   uint64        `json:"number"`
	N        int           `json:"n"`
	Expected int           `json:"expected"`
	Limits   struct {
		PayloadBytes  uint32 `json:"payload_bytes"`
		BlockMessages uint32 `json:"block_messages"`
		BlockBytes    uint32 `json:"block_bytes"`
	} `json:"limits"`
	Members []struct {
		Name      string      `json:"name"`
		Key       keys.Public `json:"key"`
		Addresses []string    `json:"addresses"`
	} `json:"members"`
}

// HTTP reads the list from a URL, in the JSON of the contract's GET /contract/peer_info. While the
// server does not answer, or answers with something else, the last good list stays; with Keep it
// also survives a restart. The only error is an invalid URL.
func HTTP(config HTTPConfig) (Func, error) {
	source, err := address.ParseURL(config.URL)
	if err != nil {
		return nil, fmt.Errorf("list of members: %w", err)
	}
	if config.Timeout <= 0 {
		config.Timeout = 10 * time.Second
	}
	if config.Client == nil {
		config.Client = &http.Client{
			Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConns: 1, IdleConnTimeout: time.Minute},
			CheckRedirect: checkRedirect,
		}
	}
	s := &httpSource{config: config, name: source.Redacted()}
	return keepLast(s.current), nil
}

// checkRedirect allows a few redirects, but none from https to http.
func checkRedirect(request *http.Request, via []*http.Request) error {
	if len(via) > 3 {
		return errors.New("more than 3 redirects")
	}
	if via[0].URL.Scheme == "https" && request.URL.Scheme != "https" {
		return errors.New("redirected from https to http")
	}
	return nil
}

type httpSource struct {
	config HTTPConfig
	name   string

	mu   sync.Mutex
	kept *membership.List // content of the file; nil: not read yet
}

func (s *httpSource) current(ctx context.Context) (membership.List, error) {
	data, err := s.get(ctx)
	if err != nil {
		return s.fallback(fmt.Errorf("%s: %w", s.name, err))
	}
	list, err := DecodePeerInfo(s.name, data)
	if err != nil {
		return s.fallback(err)
	}
	list.Warning = s.keep(list)
	return list, nil
}

func (s *httpSource) get(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.config.URL, http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	answer, err := s.config.Client.Do(request)
	if err != nil {
		var plain *url.Error
		if errors.As(err, &plain) {
			err = plain.Err // the caller adds the name of the source, without the password
		}
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %s, expected 200", answer.Status)
	}
	kind := answer.Header.Get("Content-Type")
	if media, _, err := mime.ParseMediaType(kind); err != nil || media != "application/json" {
		return nil, fmt.Errorf("content type is %.60q, expected application/json", kind)
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxBytes+1))
	if err == nil && len(data) > maxBytes {
		err = fmt.Errorf("the response is longer than %d bytes", maxBytes)
	}
	return data, err
}

// DecodePeerInfo reads the contract's response. The error wraps membership.ErrInvalid or
// ErrNotComplete, and names the source.
func DecodePeerInfo(source string, data []byte) (membership.List, error) {
	var info peerInfo
	if err := jsontext.Check(data); err != nil {
		return membership.List{}, fmt.Errorf("%s: %w: %w", source, membership.ErrInvalid, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	if err := decoder.Decode(&info); err != nil {
		return membership.List{}, fmt.Errorf("%s: %w: %w", source, membership.ErrInvalid, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return membership.List{}, fmt.Errorf("%s: %w: data follows the list", source, membership.ErrInvalid)
	}
	if info.Number == 0 {
		return membership.List{}, fmt.Errorf("%s: %w: it has %d of %d members", source, ErrNotComplete, len(info.Members), info.Expected)
	}
	list, err := info.list(source)
	if err != nil {
		return membership.List{}, fmt.Errorf("%s: %w", source, invalid(err))
	}
	return list, nil
}

func (info peerInfo) list(source string) (membership.List, error) {
	if info.N != 0 && info.N != len(info.Members) {
		return membership.List{}, fmt.Errorf("n is %d, but there are %d members", info.N, len(info.Members))
	}
	peers := make([]membership.Peer, len(info.Members))
	for i, m := range info.Members {
		var err error
		if peers[i], err = newPeer(m.Key, m.Name, m.Addresses); err != nil {
			return membership.List{}, err
		}
	}
	limits := membership.Limits{
		PayloadBytes: info.Limits.PayloadBytes, BlockMessages: info.Limits.BlockMessages, BlockBytes: info.Limits.BlockBytes,
	}
	group, err := makeGroup(info.Network, info.Number, peers, limits)
	if err != nil {
		return membership.List{}, err
	}
	if (info.Group != membership.ID{}) && info.Group != group.ID() {
		return membership.List{}, fmt.Errorf("the members make group %s, not %s", group.ID(), info.Group)
	}
	return membership.NewList(group, peers, source)
}

// fallback returns the list that an earlier process kept.
func (s *httpSource) fallback(reason error) (membership.List, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept, err := s.read()
	if err != nil {
		return membership.List{}, errors.Join(reason, err)
	}
	if kept.Group == nil {
		return membership.List{}, reason
	}
	list := *kept
	list.Warning = fmt.Errorf("using the list of group %d from %s: %w", list.Group.Number(), s.config.Keep, reason)
	return list, nil
}

// read returns the list in the file, or one without a group if the file does not exist or is
// invalid, so that it may be replaced. The caller holds the lock.
func (s *httpSource) read() (*membership.List, error) {
	if s.kept != nil || s.config.Keep == "" {
		return cmp.Or(s.kept, &membership.List{}), nil
	}
	data, err := readFile(s.config.Keep)
	var list membership.List
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return &list, err
	default:
		if list, err = Decode(s.config.Keep, data); err != nil {
			return &membership.List{}, err
		}
	}
	s.kept = &list
	return s.kept, nil
}

// keep writes a changed list to the file. A list never replaces one with a higher number, or one
// with the same number and other members.
func (s *httpSource) keep(list membership.List) error {
	if s.config.Keep == "" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old, err := s.read() // an invalid file is replaced
	if err == nil && old.Group != nil && !replaces(list, *old) {
		return nil
	}
	data, err := Encode(list)
	if err == nil {
		err = files.Replace(s.config.Keep, 0o644, data)
	}
	if err != nil {
		return fmt.Errorf("keep the list of members for the next start: %w", err)
	}
	s.kept = &list
	return nil
}

// replaces reports whether a list should be kept instead of the old one.
func replaces(list, old membership.List) bool {
	if list.Group.ID() != old.Group.ID() {
		return list.Group.Number() > old.Group.Number()
	}
	return !slices.EqualFunc(list.Peers, old.Peers, func(a, b membership.Peer) bool {
		return a.Name == b.Name && slices.Equal(a.Addresses, b.Addresses)
	})
}
