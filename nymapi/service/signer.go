package service

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// signer is a block.Signer whose key is the daemon's. What the daemon does not sign has a zero
// signature, which verifies nowhere: whoever needs one looks (rewards.ErrUnsigned). Messages are
// such a case by design, for the daemon signs them when they are submitted.
type signer struct {
	url, token string
	key        keys.Public
	network    string
	http       *http.Client
	log        *slog.Logger
}

// signWithin bounds a request: the daemon is near, and needs milliseconds.
const signWithin = 10 * time.Second

func newSigner(d Daemon, config api.NodeConfig, log *slog.Logger) *signer {
	return &signer{
		url: d.Admin, token: d.Token, key: config.Key, network: config.Network, http: &http.Client{Timeout: signWithin}, log: log,
	}
}

var _ block.Signer = (*signer)(nil)

// Public returns the daemon's key.
func (s *signer) Public() keys.Public { return s.key }

// ownDomains begins the domain tags of what Ephemera itself signs.
var ownDomains = []byte("ephemera/")

// Sign has the daemon sign under the domain tag that the signing bytes begin with.
func (s *signer) Sign(signing []byte) keys.Signature {
	if bytes.HasPrefix(signing, ownDomains) {
		return keys.Signature{}
	}
	signature, err := s.ask(signing)
	if err != nil {
		s.log.Warn("the Ephemera daemon does not sign", "daemon", s.url, "err", err)
	}
	return signature
}

// ask takes keys.SigningBytes apart, so that the daemon puts its own network where this one is.
func (s *signer) ask(signing []byte) (keys.Signature, error) {
	domain, rest, ok := bytes.Cut(signing, []byte{0})
	head := 1 + len(s.network)
	if !ok || len(rest) < head || int(rest[0]) != len(s.network) || string(rest[1:head]) != s.network {
		return keys.Signature{}, fmt.Errorf("it is not for network %q", s.network)
	}
	body, err := json.Marshal(api.SignRequest{Domain: string(domain), Body: rest[head:]})
	if err != nil {
		return keys.Signature{}, err
	}
	target, err := url.JoinPath(s.url, api.PathSign)
	if err != nil {
		return keys.Signature{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), signWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return keys.Signature{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	if s.token != "" {
		request.Header.Set("Authorization", "Bearer "+s.token)
	}
	response, err := s.http.Do(request)
	if err != nil {
		return keys.Signature{}, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return keys.Signature{}, err
	}
	if response.StatusCode != http.StatusOK {
		var problem api.Problem
		if json.Unmarshal(answer, &problem) == nil && problem.Title != "" {
			return keys.Signature{}, &problem
		}
		return keys.Signature{}, fmt.Errorf("HTTP status %s; is this the admin listener?", response.Status)
	}
	var signed api.SignAnswer
	if err := json.Unmarshal(answer, &signed); err != nil {
		return keys.Signature{}, err
	}
	if signed.Key != s.key || !s.key.Verify(signing, signed.Signature) {
		return keys.Signature{}, errors.New("it signs with another key, or something else: do --ephemera and --ephemera-admin belong to one node?")
	}
	return signed.Signature, nil
}
