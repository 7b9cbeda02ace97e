package compare

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/nymapi/collector"
	"github.com/ephemera-go/nym-rewarding/nymapi/service"
)

// member is a running Nym-API.
type member struct {
	*task
	number  int
	home    string
	service *service.Service
	http    *meter
	forger  *forger // nil unless it is a liar that posts its lie as the result
}

// sentBytes returns the bytes sent since the start: frames of Ephemera and bodies of HTTP requests.
func (m *member) sentBytes() uint64 { return m.service.Traffic().SentBytes + m.http.sent.Load() }

// memberName returns the name with which a Nym-API enrols.
func memberName(number int) string { return fmt.Sprintf("nymapi-%d", number) }

// enrolOffline enrols the Nym-APIs that never run, so that the group becomes complete. Their
// private keys are discarded.
func (r *modeRun) enrolOffline(ctx context.Context) error {
	for _, number := range r.numbers() {
		if !r.plan.roles.isOffline(number) {
			continue
		}
		info, err := onceFree(ctx, func() (contract.PeerInfo, error) { return r.client.PeerInfo(ctx) })
		if err != nil {
			return err
		}
		key, err := keys.Generate()
		if err != nil {
			return err
		}
		enrolment := contract.Enrolment{Name: memberName(number), Addresses: []string{}, Counter: 1}.Sign(key, info.Network, info.ContractKey)
		if _, err := onceFree(ctx, func() (contract.EnrolAnswer, error) { return r.client.Enrol(ctx, enrolment, "") }); err != nil {
			return fmt.Errorf("enrol %s: %w", memberName(number), err)
		}
		r.offline = append(r.offline, key.Public())
	}
	return nil
}

// startMembers starts the Nym-APIs that take part.
func (r *modeRun) startMembers(ctx context.Context) error {
	for _, number := range r.numbers() {
		if r.plan.roles.isOffline(number) {
			continue
		}
		m, err := r.newMember(number)
		if err != nil {
			return fmt.Errorf("%s: %w", memberName(number), err)
		}
		// They outlive ctx: their outcome is read first.
		m.task = start(context.WithoutCancel(ctx), memberName(number), m.run)
		r.members = append(r.members, m)
	}
	return nil
}

func (r *modeRun) newMember(number int) (*member, error) {
	source, err := r.plan.source(number)
	if err != nil {
		return nil, err
	}
	m := &member{number: number, home: filepath.Join(r.dir, memberName(number)), http: newMeter()}
	config := service.Config{
		Name: memberName(number), Number: number, Home: m.home, Mode: service.Mode(r.mode), Contract: r.contract.URL(),
		Source: source, Ticks: r.plan.Ticks, Submit: service.Submission(r.plan.Submit), Keep: max(r.plan.Epochs+2*acceptEpochs, leastKept),
		HTTPTransport: m.http, Logger: r.logger(),
	}
	if r.plan.roles.lies(number) {
		config.Behaviour = r.behaviour(m)
	}
	m.service, err = service.New(config)
	return m, err
}

// leastKept is the minimum number of epochs that a Nym-API keeps.
const leastKept = 256

// run runs the Nym-API, and its forger if it has one.
func (m *member) run(ctx context.Context) error {
	err := m.service.Run(ctx)
	m.http.CloseIdleConnections()
	if m.forger != nil {
		m.forger.wait()
	}
	return err
}

// stopMembers stops all members at the same time and waits for them.
func (r *modeRun) stopMembers() error {
	for _, m := range r.members {
		m.cancel()
		if m.forger != nil {
			m.forger.cancel()
		}
	}
	var errs []error
	for _, m := range r.members {
		errs = append(errs, m.stop())
	}
	return errors.Join(errs...)
}

// failure returns an error if a Nym-API stopped by itself.
func (r *modeRun) failure() error {
	for _, m := range r.members {
		select {
		case <-m.done:
			return errors.Join(fmt.Errorf("%s stopped by itself", m.name), m.failure())
		default:
		}
	}
	return nil
}

// source returns what a Nym-API measures.
func (p *Plan) source(number int) (collector.Source, error) {
	switch in := p.input.(type) {
	case replay:
		return collector.Recorded(in.file, p.Observers[number-1])
	case simulated:
		return collector.Simulated(number, func(mixnodes int) (collector.Simulation, error) {
			if mixnodes != len(in.mixnodes()) {
				return nil, fmt.Errorf("%d mixnodes, expected %d", mixnodes, len(in.mixnodes()))
			}
			return in.source, nil
		})
	default:
		return nil, fmt.Errorf("unknown source of type %T", in)
	}
}
