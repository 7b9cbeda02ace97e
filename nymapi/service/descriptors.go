package service

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/descriptors"
	"github.com/ephemera-go/nym-rewarding/ephemera/limits"
)

// HealthConnections bounds the connections of those that ask for the health of a Nym-API, which may
// have a number of descriptors. With few places, strangers from some addresses would have as many
// as one that asks for two things at a time.
func HealthConnections(limit int) int {
	const least, most, part = 8, 32, 32
	return min(most, max(least, limit/part))
}

// heldDescriptors returns how many descriptors a Nym-API needs for other things than the
// connections of its node and of the node's API.
func (s *Service) heldDescriptors(limit int) int {
	const (
		databases = 2 * 4 // for each the file, its log, what connections share, and a journal
		requests  = 8     // connections to the contract or the daemon
		locks     = 2
		listeners = 2 // health and API
	)
	return descriptors.Process + home.SQLite().Descriptors(limit) + databases + requests + locks + HealthConnections(limit) +
		(listeners+len(s.config.Listen))*descriptors.Listener
}

// bound derives the limits of the embedded node for a group, within what the process may have open.
// It returns limits.ErrDescriptors, with the least limit, if that is too little.
func (s *Service) bound(c limits.Config, others int, log *slog.Logger) (limits.Limits, error) {
	bounds, err := limits.For(c)
	if err != nil {
		return limits.Limits{}, err
	}
	limit := descriptors.Limit()
	uses := limits.Descriptors{Limit: limit, Held: s.heldDescriptors(limit), Members: others}
	bounds, err = bounds.Within(c, uses)
	if errors.Is(err, limits.ErrDescriptors) {
		return limits.Limits{}, fmt.Errorf("%w (%s)", err, descriptors.Advice)
	}
	if err != nil {
		return limits.Limits{}, err
	}
	c.Members = others + 1 // the group does not grow
	need, err := limits.Need(c)
	if wanted := uses.Held + need.Connections(); err == nil && limit < wanted {
		log.Warn("the process may have few files and connections open: callers and strangers share what members and the store leave",
			"limit", limit, "wanted", wanted, "members", bounds.Transport.Connections, "handshakes", bounds.Transport.Handshakes,
			"http", bounds.HTTP.Connections, "advice", descriptors.Advice)
	}
	return bounds, err
}
