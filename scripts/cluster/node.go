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

// A node is what the test reads of a Nym-API's Ephemera API.
type node struct {
	cluster *cluster
	url     string
}

// A group is what the contract and every node say of the members.
type group struct {
	ID     string `json:"id"`    // as a node calls it
	Told   string `json:"group"` // as the contract does
	N      int    `json:"n"`
	Online int    `json:"online"`
}

// nodes returns the nodes of all Nym-APIs that run, at the addresses on this machine that README
// has people ask for.
func (c *cluster) nodes(ctx context.Context) ([]node, error) {
	var all []node
	for index := 1; index <= members; index++ {
		address, err := c.run(ctx, "port", fmt.Sprintf("--index=%d", index), "nymapi", "3100")
		if err != nil {
			return nil, err
		}
		if address = strings.TrimSpace(address); !strings.HasPrefix(address, "127.0.0.1:") {
			return nil, fmt.Errorf("the API of Nym-API %d is at %q, expected an address of this machine alone", index, address)
		}
		all = append(all, node{cluster: c, url: "http://" + address})
	}
	return all, nil
}

// ask makes a request, without a body for GET, and returns the status and the answer.
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

// get reads an answer.
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

// askNodes asks each Nym-API's node what anybody may ask, and has the certificate of the newest
// block of an epoch's winner checked where there is no network.
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
		return fmt.Errorf("the APIs of %v answer, want %d different ones", names, members)
	}
	c.say("the APIs of all %d nodes answer, gossip %s; their certificates of %s's newest block hold offline", members, c.gossip, rewarded.Winner.Name)
	return nil
}

// check asks whether the node is ready, knows the group, spreads reports as it was told, tells its
// figures and signs nothing for callers. It returns the Nym-API's name.
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
		return "", fmt.Errorf("it tells of group %+v, want %s of %d members who are online", told, trusted, members)
	}
	var config struct {
		Application struct{ NymAPI, Gossip string }
	}
	if err := n.get(ctx, "/ephemera/node/config", &config); err != nil {
		return "", err
	}
	if config.Application.Gossip != n.cluster.gossip {
		return "", fmt.Errorf("gossip is %q, want %q", config.Application.Gossip, n.cluster.gossip)
	}
	status, figures, err := n.ask(ctx, http.MethodGet, "/metrics", "")
	if err != nil || status != http.StatusOK || !bytes.Contains(figures, []byte("ephemera_")) {
		return "", fmt.Errorf("its figures: status %d: %.200s (%w)", status, figures, err)
	}
	status, answer, err := n.ask(ctx, http.MethodPost, "/ephemera/broadcast/submit_message", `{"label":"greeting","payload":"aGVsbG8="}`)
	if err != nil || status != http.StatusForbidden {
		return "", fmt.Errorf("asked to sign it answers with status %d, want 403: %s (%w)", status, answer, err)
	}
	return config.Application.NymAPI, nil
}

// checkCertificate takes the certificate of a chain's last block from the node and has `ephemera
// certificate verify` check it in a container without network, against the group that is trusted,
// and against another one, which must fail.
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
		return fmt.Errorf("block %s is verified as another: %s", block.ID, text)
	}
	if text, err := verify(strings.Repeat("0", len(trusted))); err == nil {
		return fmt.Errorf("block %s is verified in a group that did not sign it: %s", block.ID, text)
	}
	return nil
}
