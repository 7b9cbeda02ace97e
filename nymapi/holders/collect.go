package holders

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// Config says whom Collect asks. Epoch and URLs are required.
type Config struct {
	Epoch contract.Epoch
	// URLs are addresses of Nym-APIs. Each is asked what it holds, and who else holds something.
	URLs []string
	// Client makes the requests, default: http.DefaultClient.
	Client *http.Client
	// Patience bounds each request, default: 20 s.
	Patience time.Duration
}

const (
	defaultPatience = 20 * time.Second
	maxRequests     = 4       // at a time
	maxAnswerBytes  = 8 << 20 // of an answer about holders
	// maxCores bounds the different cores that are kept. There is one if nobody lies.
	maxCores = 4
)

// Found is what one Nym-API sent.
type Found struct {
	Name   string        `json:"name,omitempty"` // as the Nym-APIs call it, empty if nobody does
	Key    keys.Public   `json:"key,omitzero"`   // zero if unknown
	URL    string        `json:"url,omitempty"`
	Stated contract.Hash `json:"stated,omitzero"` // digest in the hash table
	Core   contract.Hash `json:"core,omitzero"`   // digest of what it sent, zero if nothing
	Bytes  int           `json:"bytes,omitzero"`
	Err    string        `json:"error,omitempty"`
}

// Collected is what all sent.
type Collected struct {
	Epoch contract.Epoch `json:"epoch"`
	Found []Found        `json:"found"` // by name, then by URL
	// Cores are the different cores, the one that most sent first.
	Cores []Core `json:"cores"`
}

// Core is a core that somebody sent.
type Core struct {
	Digest contract.Hash `json:"digest"`
	Count  int           `json:"count"` // how many sent it
	Data   []byte        `json:"-"`     // nil beyond the first maxCores different ones
}

// Agree reports whether somebody sent a core, and all that sent or stated one mean the same.
func (c Collected) Agree() bool {
	if len(c.Cores) != 1 {
		return false
	}
	for _, f := range c.Found {
		if f.Stated != (contract.Hash{}) && f.Stated != c.Cores[0].Digest {
			return false
		}
	}
	return true
}

// Collect asks Nym-APIs for the core of an epoch, and those that they name. Who cannot be asked is
// in the result with the reason.
func Collect(ctx context.Context, config Config) Collected {
	config.Patience = cmp.Or(config.Patience, defaultPatience)
	if config.Client == nil {
		config.Client = http.DefaultClient
	}
	c := &collector{Config: config, cores: map[contract.Hash]*Core{}}
	targets := c.targets(ctx)
	found := make([]Found, len(targets))
	var work errgroup.Group
	work.SetLimit(maxRequests)
	for i, t := range targets {
		work.Go(func() error {
			found[i] = c.fetch(ctx, t)
			return nil
		})
	}
	_ = work.Wait() // no function returns an error
	slices.SortFunc(found, func(a, b Found) int {
		return cmp.Or(contract.CompareNames(a.Name, b.Name), strings.Compare(a.URL, b.URL))
	})
	return Collected{Epoch: config.Epoch, Found: found, Cores: c.sorted()}
}

type collector struct {
	Config

	mu    sync.Mutex
	cores map[contract.Hash]*Core
}

// target is a Nym-API to fetch from.
type target struct {
	holder Holder
	urls   []string
}

// targets asks the configured Nym-APIs who holds the epoch. A Nym-API that was given is fetched
// from at the address at which it was given.
func (c *collector) targets(ctx context.Context) []target {
	var list []target
	place := map[keys.Public]int{}
	given := map[string]bool{}
	for _, base := range c.URLs {
		base = strings.TrimRight(base, "/")
		if given[base] {
			continue
		}
		given[base] = true
		answer, err := c.holders(ctx, base)
		named := false
		for _, h := range answer.Holders {
			at, known := place[h.Key]
			if !known {
				at = len(list)
				place[h.Key] = at
				list = append(list, target{holder: h, urls: h.URLs})
			}
			if h.Core != (contract.Hash{}) && list[at].holder.Core == (contract.Hash{}) {
				list[at] = target{holder: h, urls: append(list[at].urls, h.URLs...)}
			}
			if h.Self {
				named = true
				list[at].urls = append([]string{base}, list[at].urls...)
			}
		}
		if err != nil || !named {
			list = append(list, target{urls: []string{base}})
		}
	}
	return list
}

func (c *collector) holders(ctx context.Context, base string) (Answer, error) {
	data, err := c.get(ctx, base+pathOf(c.Epoch, "holders"), maxAnswerBytes)
	if err != nil {
		return Answer{}, err
	}
	return decodeAnswer(data, c.Epoch)
}

// fetch fetches from the first address that sends something.
func (c *collector) fetch(ctx context.Context, t target) Found {
	f := Found{Name: t.holder.Name, Key: t.holder.Key, Stated: t.holder.Core, Err: t.holder.Why}
	if len(t.urls) > 0 {
		f.Err = ""
	} else if f.Err == "" {
		f.Err = "no address is known of it"
	}
	var errs []error
	for i, base := range t.urls {
		if slices.Contains(t.urls[:i], base) {
			continue
		}
		data, err := c.get(ctx, base+pathOf(c.Epoch, "bundle"), contract.MaxCoreBytes)
		if err == nil {
			f.URL, f.Core, f.Bytes = base, c.add(data), len(data)
			return f
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		f.URL, f.Err = t.urls[0], strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	return f
}

// add counts a core and returns its digest.
func (c *collector) add(data []byte) contract.Hash {
	digest := contract.Digest(data)
	c.mu.Lock()
	defer c.mu.Unlock()
	core := c.cores[digest]
	if core == nil {
		core = &Core{Digest: digest}
		if len(c.cores) < maxCores {
			core.Data = data
		}
		c.cores[digest] = core
	}
	core.Count++
	return digest
}

func (c *collector) sorted() []Core {
	list := []Core{}
	for _, core := range c.cores {
		list = append(list, *core)
	}
	slices.SortFunc(list, func(a, b Core) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Digest.String(), b.Digest.String()))
	})
	return list
}

// get returns the body of an answer with status 200 and at most that many bytes.
func (c *collector) get(ctx context.Context, address string, most int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	answer, err := c.Client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		most = 1 << 10
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, most+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("get %s: %w", address, err)
	case answer.StatusCode == http.StatusNotFound:
		return nil, errors.New("it does not hold the epoch")
	case answer.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("get %s: status %d: %.200q", address, answer.StatusCode, data)
	case int64(len(data)) > most:
		return nil, fmt.Errorf("get %s: more than %d bytes", address, most)
	}
	return data, nil
}
