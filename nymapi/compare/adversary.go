package compare

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/service"
)

// behaviour returns the behaviour of a liar. Apart from its lie it follows the protocol, except for
// LieSplit.
func (r *modeRun) behaviour(m *member) service.Behaviour {
	b := service.Behaviour{Report: func(_ contract.Description, honest metrics.Report) metrics.Report {
		return r.plan.Lie.report(honest, r.plan.Seed)
	}}
	if r.mode != Ephemera {
		return b // it submits its report itself
	}
	if r.plan.Verify == VerifyNone {
		m.forger = newForger(m, r.contract.URL(), r.logger())
		lie := b.Report
		b.Report = func(d contract.Description, honest metrics.Report) metrics.Report {
			lying := lie(d, honest)
			m.forger.post(d, lying)
			return lying
		}
	}
	if r.plan.Lie == LieSplit {
		silent := &mute{}
		b.Transport = silent.wrap
		b.Publish = silent.split
	}
	return b
}

// mute is the transport of a member that receives but never sends: it drops what its node sends.
type mute struct {
	transport.Transport
}

func (m *mute) wrap(inner transport.Transport) transport.Transport {
	m.Transport = inner
	return m
}

// Send implements transport.Transport.
func (m *mute) Send(keys.Public, []byte) bool { return true }

// Publish implements transport.Transport.
func (m *mute) Publish([]byte) bool { return true }

var errNotConnected = errors.New("some members are not connected yet")

// split sends the lie to the first half of the other members, in the order of their keys, and
// another report, 100 for every mixnode, to the rest. It bypasses the silence of the node.
func (m *mute) split(_ context.Context, p service.Publication) error {
	other, err := otherReport(p)
	if err != nil {
		return err
	}
	members := slices.DeleteFunc(p.Description.Group.Members(), func(key keys.Public) bool { return key == p.Message.Sender() })
	online := m.Online()
	if len(online) == 0 {
		return errNotConnected
	}
	var failed error
	for i, to := range members {
		message := p.Message
		if i >= (len(members)+1)/2 {
			message = other
		}
		if !m.Transport.Send(to, wire.EncodeMessages([]block.Message{message})) && slices.Contains(online, to) {
			failed = fmt.Errorf("send report to %s: %w", to.Short(), errNotConnected)
		}
	}
	return failed
}

// otherReport signs a second report for the same epoch.
func otherReport(p service.Publication) (block.Message, error) {
	first, err := metrics.DecodeReport(p.Message.Payload(), metrics.LimitsFor(len(p.Description.Mixnodes)))
	if err != nil {
		return block.Message{}, err
	}
	return p.Sign(LieHundred.report(first, 0))
}
