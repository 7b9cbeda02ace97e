package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// An epoch holds the fields of GET /contract/epochs/{id} that the test needs.
type epoch struct {
	ID     int       `json:"id"`
	Start  time.Time `json:"start"`
	Status string    `json:"status"`
	Winner *member   `json:"winner"`

	Reporters []member `json:"reporters"`
	Signers   []member `json:"signers"`
}

// A member is a Nym-API as the contract lists it.
type member struct {
	Name string `json:"name"`
	Key  string `json:"key"`
}

func named(name string) func(member) bool { return func(m member) bool { return m.Name == name } }

func (e epoch) reported(name string) bool { return slices.ContainsFunc(e.Reporters, named(name)) }
func (e epoch) signed(name string) bool   { return slices.ContainsFunc(e.Signers, named(name)) }

// get requests a path of the contract and decodes the answer.
func (c *cluster) get(ctx context.Context, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+path, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", path, response.Status)
	}
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return fmt.Errorf("GET %s: %w", path, err)
	}
	return nil
}

// now returns the time of the contract's clock.
func (c *cluster) now(ctx context.Context) (time.Time, error) {
	var current struct {
		ServerTime time.Time `json:"server_time"`
	}
	err := c.get(ctx, "/contract/epoch", &current)
	return current.ServerTime, err
}

// peers returns the members' keys by name. It waits for a contract that has just been started.
func (c *cluster) peers(ctx context.Context) (map[string]string, error) {
	var answer struct {
		Members []member `json:"members"`
	}
	err := wait(ctx, 30*time.Second, "the contract's list of members", func() error {
		if err := c.get(ctx, "/contract/peer_info", &answer); err != nil {
			return err
		}
		if len(answer.Members) != members {
			return fmt.Errorf("%d members, expected %d", len(answer.Members), members)
		}
		return nil
	})
	keys := map[string]string{}
	for _, m := range answer.Members {
		keys[m.Name] = m.Key
	}
	return keys, err
}

// newest returns the number of the newest epoch.
func (c *cluster) newest(ctx context.Context) (int, error) {
	var current epoch
	err := c.get(ctx, "/contract/epoch", &current)
	return current.ID, err
}

// waitRewarded waits for a rewarded epoch for which wanted returns true.
func (c *cluster) waitRewarded(ctx context.Context, what string, wanted func(epoch) bool) (epoch, error) {
	var found epoch
	err := wait(ctx, time.Minute, what, func() error {
		var list struct {
			Epochs []epoch `json:"epochs"`
		}
		if err := c.get(ctx, "/contract/epochs?limit=20", &list); err != nil {
			return err
		}
		for _, e := range list.Epochs {
			if e.Status != "rewarded" {
				continue
			}
			// The list omits reporters and signers.
			if err := c.get(ctx, fmt.Sprintf("/contract/epochs/%d", e.ID), &e); err != nil {
				return err
			}
			if wanted(e) {
				found = e
				return nil
			}
		}
		return fmt.Errorf("none among the newest %d epochs", len(list.Epochs))
	})
	return found, err
}

// wait calls ask every half second until it returns nil or the time limit is reached.
func wait(ctx context.Context, limit time.Duration, what string, ask func() error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited %s for %s: %w", limit, what, err)
		case <-tick.C:
		}
	}
}
