package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// A node is the Ephemera API of a Nym-API.
type node struct {
	cluster *cluster
	url     string
}

// A group is the group of members as the contract or a node describes it.
type group struct {
	ID     string `json:"id"`    // the name of the field in a node's answer
	Told   string `json:"group"` // the name of the field in the contract's answer
	N      int    `json:"n"`
	Online int    `json:"online"`
}

// nodes returns the nodes of all running Nym-APIs at their addresses on this machine, which it asks
// for as the README describes.
func (c *cluster) nodes(ctx context.Context) ([]node, error) {
	var all []node
	for index := 1; index <= members; index++ {
		address, err := c.composeCommand(ctx, "port", fmt.Sprintf("--index=%d", index), "nymapi", "3100")
		if err != nil {
			return nil, err
		}
		if address = strings.TrimSpace(address); !strings.HasPrefix(address, "127.0.0.1:") {
			return nil, fmt.Errorf("the API of Nym-API %d is at %q, expected a loopback address", index, address)
		}
		all = append(all, node{cluster: c, url: "http://" + address})
	}
	return all, nil
}

// ask sends a request and returns the status and body of the answer. A GET request has no body.
func (n node) ask(ctx context.Context, method, path, body string) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, n.url+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 16<<20))
	return response.StatusCode, text, err
}

// get requests a path and decodes the answer.
func (n node) get(ctx context.Context, path string, into any) error {
	status, text, err := n.ask(ctx, http.MethodGet, path, "")
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("GET %s%s: status %d: %s", n.url, path, status, text)
	}
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	return err
}

// askNodes queries the public API of each node and verifies the certificate of the newest block of
// the epoch's winner in a container without a network.
func (c *cluster) askNodes(ctx context.Context, rewarded epoch) error {
	var trusted group
	if err := c.get(ctx, "/contract/peer_info", &trusted); err != nil {
		return err
	}
	all, err := c.nodes(ctx)
	if err != nil {
		return err
	}
	names := map[string]bool{}
	for _, n := range all {
		name, err := n.check(ctx, trusted.Told)
		if err != nil {
			return fmt.Errorf("node at %s: %w", n.url, err)
		}
		names[name] = true
		if err := n.checkCertificate(ctx, rewarded.Winner.Key, trusted.Told); err != nil {
			return fmt.Errorf("node at %s: %w", n.url, err)
		}
	}
	if len(names) != members {
		return fmt.Errorf("the APIs of %v answered, expected %d different ones", names, members)
	}
	c.say("the APIs of all %d nodes answered, gossip %s; their certificates of %s's newest block verified offline", members, c.gossip, rewarded.Winner.Name)
	return nil
}

// check checks that the node is ready, knows the group, uses the configured gossip mode, serves its
// metrics and signs nothing for callers. It returns the Nym-API's name.
func (n node) check(ctx context.Context, trusted string) (string, error) {
	var ready struct{ Ready bool }
	err := wait(ctx, 30*time.Second, "a node that is ready", func() error { return n.get(ctx, "/readyz", &ready) })
	if err != nil {
		return "", err
	}
	var told group
	if err := n.get(ctx, "/ephemera/broadcast/group/info", &told); err != nil {
		return "", err
	}
	if told.ID != trusted || told.N != members || told.Online < members-1 {
		return "", fmt.Errorf("its group is %+v, expected %s with %d members online", told, trusted, members)
	}
	var config struct {
		Application struct{ NymAPI, Gossip string }
	}
	if err := n.get(ctx, "/ephemera/node/config", &config); err != nil {
		return "", err
	}
	if config.Application.Gossip != n.cluster.gossip {
		return "", fmt.Errorf("gossip is %q, expected %q", config.Application.Gossip, n.cluster.gossip)
	}
	status, figures, err := n.ask(ctx, http.MethodGet, "/metrics", "")
	if err != nil || status != http.StatusOK || !bytes.Contains(figures, []byte("ephemera_")) {
		return "", fmt.Errorf("metrics: status %d: %.200s (%w)", status, figures, err)
	}
	status, answer, err := n.ask(ctx, http.MethodPost, "/ephemera/broadcast/submit_message", `{"label":"greeting","payload":"aGVsbG8="}`)
	if err != nil || status != http.StatusForbidden {
		return "", fmt.Errorf("asked to sign, it answered with status %d, expected 403: %s (%w)", status, answer, err)
	}
	return config.Application.NymAPI, nil
}

// checkCertificate requests the certificate of a chain's last block and runs `ephemera certificate
// verify` on it in a container without a network: against the trusted group, and against another
// one, which must fail.
func (n node) checkCertificate(ctx context.Context, creator, trusted string) error {
	var block struct{ ID string }
	if err := n.get(ctx, "/ephemera/broadcast/blocks/last?creator="+creator, &block); err != nil {
		return err
	}
	status, certificate, err := n.ask(ctx, http.MethodGet, "/ephemera/broadcast/block/certificates/"+block.ID, "")
	if err != nil || status != http.StatusOK {
		return fmt.Errorf("certificate of block %s: status %d: %s (%w)", block.ID, status, certificate, err)
	}
	verify := func(group string) (string, error) {
		return n.cluster.feed(
			ctx, certificate, "docker", "run", "--rm", "--interactive", "--network=none", "--read-only", n.cluster.image,
			"ephemera", "certificate", "verify", "-", "--group", group, "-o", "json",
		)
	}
	text, err := verify(trusted)
	if err != nil {
		return err
	}
	if !strings.Contains(text, block.ID) {
		return fmt.Errorf("the certificate of block %s was verified for another block: %s", block.ID, text)
	}
	if text, err := verify(strings.Repeat("0", len(trusted))); err == nil {
		return fmt.Errorf("the certificate of block %s was verified in a group that did not sign it: %s", block.ID, text)
	}
	return nil
}
