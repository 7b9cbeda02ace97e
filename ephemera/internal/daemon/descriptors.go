package daemon

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"

	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/settings"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/descriptors"
	"github.com/ephemera-go/nym-rewarding/ephemera/limits"
)

// held returns how many descriptors a node with this kind of store needs for other things than
// connections.
func held(s settings.Settings, kind home.Kind, limit int) int {
	listeners, fetching := len(s.P2P.Listen), 0
	if s.Membership.Source == "http" {
		fetching = 2 // connections to the source of the list of members
	}
	for _, listen := range []string{s.HTTP.Listen, s.Admin.Listen} {
		if listen != "" {
			listeners++
		}
	}
	return descriptors.Process + kind.Descriptors(limit) + listeners*descriptors.Listener + fetching
}

// bound returns the limits for c within the number of descriptors that the node may have, of which
// each of the others in its group needs some. It warns if there are fewer than honest members and
// callers need.
func bound(c limits.Config, s settings.Settings, kind home.Kind, limit, others int, log *slog.Logger) (limits.Limits, error) {
	bounds, err := limits.For(c)
	if err != nil {
		return limits.Limits{}, fmt.Errorf("%w: %w", settings.ErrConfig, err)
	}
	bounds.WebSocket.Subscribers = cmp.Or(s.HTTP.Subscribers, bounds.WebSocket.Subscribers)
	uses := limits.Descriptors{Limit: limit, Held: held(s, kind, limit), Members: others}
	bounds, err = bounds.Within(c, uses)
	if errors.Is(err, limits.ErrDescriptors) {
		return limits.Limits{}, fmt.Errorf("%w (%s)", err, descriptors.Advice)
	}
	if err != nil {
		return limits.Limits{}, err
	}
	need, err := limits.Need(c)
	if wanted := uses.Held + need.Connections(); err == nil && limit < wanted {
		log.Warn("the process may have few files and connections open: callers and strangers share what members and the store leave",
			"limit", limit, "wanted", wanted, "members", bounds.Transport.Connections, "handshakes", bounds.Transport.Handshakes,
			"http", bounds.HTTP.Connections, "advice", descriptors.Advice)
	}
	return bounds, err
}
