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
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/jsontext"
)

// signer is a block.Signer with the daemon's key. The daemon signs keys.ApplicationBytes of the
// domain, network and body of the signing bytes, which package contract accepts as the signature of
// a Nym-API. If the daemon does not sign, the signature is
// zero, which is never valid; callers that need a signature check it (rewards.ErrUnsigned).
// Messages have a zero signature by design, because the daemon signs them when they are submitted.
type signer struct {
	url, token string
	key        keys.Public
	network    string
	http       *http.Client
	log        *slog.Logger
}

// signWithin is the timeout of a request, which usually takes milliseconds.
const signWithin = 10 * time.Second

func newSigner(d Daemon, config api.NodeConfig, log *slog.Logger) *signer {
	return &signer{
		url: d.Admin, token: d.Token, key: config.Key, network: config.Network, http: &http.Client{Timeout: signWithin}, log: log,
	}
}

var _ block.Signer = (*signer)(nil)

// Public returns the daemon's key.
func (s *signer) Public() keys.Public { return s.key }

// ownDomains is the prefix of the domain tags that only Ephemera itself signs.
var ownDomains = []byte("ephemera/")

// Sign lets the daemon sign with the domain tag at the beginning of the signing bytes.
func (s *signer) Sign(signing []byte) keys.Signature {
	if bytes.HasPrefix(signing, ownDomains) {
		return keys.Signature{}
	}
	signature, err := s.ask(signing)
	if err != nil {
		s.log.Warn("daemon did not sign", "daemon", s.url, "err", err)
	}
	return signature
}

// ask splits keys.SigningBytes, because the daemon adds its own network.
func (s *signer) ask(signing []byte) (keys.Signature, error) {
	domain, rest, ok := bytes.Cut(signing, []byte{0})
	head := 1 + len(s.network)
	if !ok || len(rest) < head || int(rest[0]) != len(s.network) || string(rest[1:head]) != s.network {
		return keys.Signature{}, fmt.Errorf("not for network %q", s.network)
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
		if jsontext.Unmarshal(answer, &problem) == nil && problem.Title != "" {
			return keys.Signature{}, &problem
		}
		return keys.Signature{}, fmt.Errorf("HTTP status %s; is this the admin listener?", response.Status)
	}
	var signed api.SignAnswer
	if err := jsontext.Unmarshal(answer, &signed); err != nil {
		return keys.Signature{}, err
	}
	if signed.Key != s.key || !s.key.Verify(keys.ApplicationBytes(string(domain), s.network, rest[head:]), signed.Signature) {
		return keys.Signature{}, errors.New("the signature is not by the expected key: do --ephemera and --ephemera-admin belong to the same node?")
	}
	return signed.Signature, nil
}
