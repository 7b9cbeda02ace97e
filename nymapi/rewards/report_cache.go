package rewards

import (
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/nymapi/rules"
)

// reportCache caches decoded reports without their values, because a message is examined often and
// never changes. It also caches the rules of recent descriptions. It is safe for concurrent use.
type reportCache struct {
	read  *lru.Cache[block.MessageID, outcome]
	rules *lru.Cache[contract.Hash, verify.Rule]
}

type outcome struct {
	report rules.Report
	err    error
}

const (
	cachedReports = 4096 // more than the mempools of a group of 100 hold for a few epochs
	cachedRules   = 64   // the number of epochs that package epoch remembers
)

func newReportCache() reportCache {
	return reportCache{read: newLRU[block.MessageID, outcome](cachedReports), rules: newLRU[contract.Hash, verify.Rule](cachedRules)}
}

func newLRU[K comparable, V any](size int) *lru.Cache[K, V] {
	cache, err := lru.New[K, V](size)
	if err != nil {
		panic(err) // the constant size is not positive
	}
	return cache
}

// report decodes a message, or returns the cached result. It is a rules.Reader.
func (c reportCache) report(m block.Message) (rules.Report, error) {
	if known, ok := c.read.Get(m.ID()); ok {
		return known.report, known.err
	}
	report, err := rules.Read(m)
	report.Reading = report.WithoutValues()
	c.read.Add(m.ID(), outcome{report, err})
	return report, err
}

// rule returns the rule of a description, whose hash is hash.
func (c reportCache) rule(d contract.Description, hash contract.Hash) verify.Rule {
	if known, ok := c.rules.Get(hash); ok {
		return known
	}
	rule := verify.NewRule(d)
	c.rules.Add(hash, rule)
	return rule
}

// readOnce returns a reader that keeps the values and decodes each message only once. It is for one
// block, and not safe for concurrent use.
func readOnce() rules.Reader {
	known := map[block.MessageID]outcome{}
	return func(m block.Message) (rules.Report, error) {
		read, ok := known[m.ID()]
		if !ok {
			read.report, read.err = rules.Read(m)
			known[m.ID()] = read
		}
		return read.report, read.err
	}
}
