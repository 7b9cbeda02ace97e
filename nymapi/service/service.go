package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/client"
	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/webserver"
	"github.com/ephemera-go/nym-rewarding/ephemera/limits"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
	"github.com/ephemera-go/nym-rewarding/nymapi/collector"
	"github.com/ephemera-go/nym-rewarding/nymapi/epoch"
	"github.com/ephemera-go/nym-rewarding/nymapi/rewards"
)

// Service is one Nym-API. Run is called once; the other methods are safe for concurrent use.
type Service struct {
	config Config
	log    *slog.Logger
	client *client.Client

	// Run sets these before it starts goroutines.
	folder *folder
	home   *home.Home
	early  *webserver.Early // has the API's listener until its server is made; may be nil

	ready chan struct{}
	ran   atomic.Bool
	away  atomic.Bool
	key   atomic.Pointer[keys.Public]
	node  atomic.Pointer[node]
	clock atomic.Pointer[epoch.Clock]

	receipts atomic.Pointer[rewards.Receipts]
	offences atomic.Pointer[offences]
	evidence atomic.Pointer[rewards.Evidence]
	known    atomic.Pointer[known]
	// statements is the hash table, nil until it is in use.
	statements atomic.Pointer[statements]
}

// New returns a Nym-API. It checks the configuration but opens nothing.
func New(config Config) (*Service, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.withDefaults()
	asked, err := client.New(config.Contract, config.HTTPTransport)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	log := config.Logger.With("logger", "nymapi", "nymapi", config.Name)
	return &Service{config: config, log: log, client: asked, ready: make(chan struct{})}, nil
}

// Run opens the folder, joins the group and works until ctx is done; then it closes everything and
// returns nil. Otherwise it returns why it cannot continue: ErrLocked, ErrNotEnrolled,
// rewards.ErrOtherContract, rewards.ErrOtherMember, ephemera.ErrHalted, or an error of a disk or
// listener.
func (s *Service) Run(ctx context.Context) error {
	if !s.ran.CompareAndSwap(false, true) {
		return errors.New("service has already run: create a new one")
	}
	defer s.client.Close()
	err := s.open(ctx)
	if err == nil {
		err = s.run(ctx)
	}
	// If this run was interrupted, the next start repeats what failed.
	if ctx.Err() != nil && err != nil && !errors.Is(err, ephemera.ErrHalted) {
		s.log.DebugContext(ctx, "stopped early", "err", err)
		err = nil
	}
	return errors.Join(err, s.closeEarly(), s.folder.close())
}

// open binds the listener of the API and opens the folder, in this order, so that an address in use
// is reported before anything is created. Before that it checks how many files and connections the
// process may have open, as if there were no other member: the group is not known yet.
func (s *Service) open(ctx context.Context) (err error) {
	_, err = s.bound(limits.Config{Members: 1}, 0, slog.New(slog.DiscardHandler))
	if err == nil {
		err = s.listenAPI()
	}
	if err != nil {
		if s.config.Lock != nil {
			err = errors.Join(err, s.config.Lock.Close())
		}
		return err
	}
	if s.folder, err = openFolder(ctx, s.config.Home, s.config.Lock, s.log); err != nil {
		return err
	}
	return s.reportChanges(ctx)
}

// reportChanges logs each setting that decides what is measured and differs from the start before.
// Samples that were taken before stay.
func (s *Service) reportChanges(ctx context.Context) error {
	given := map[string]string{"number": strconv.Itoa(s.config.Number), "ticks": strconv.Itoa(s.config.Ticks)}
	maps.Copy(given, s.config.SourceSettings)
	before, err := s.folder.rewards.ChangeSettings(ctx, given)
	for _, name := range slices.Sorted(maps.Keys(before)) {
		s.log.WarnContext(ctx, "setting differs from the start before: it applies to measurements from now on",
			"setting", name, "given", given[name], "before", before[name])
	}
	return err
}

func (s *Service) run(ctx context.Context) error {
	pinned, err := s.identify(ctx)
	if err != nil {
		return err
	}
	if s.config.Daemon.URL != "" {
		return s.runSidecar(ctx, pinned)
	}
	if s.home, err = home.Open(ctx, s.config.Home, pinned.Network, s.config.Logger); err != nil {
		return err
	}
	public := s.home.Key.Public()
	s.key.Store(&public)
	if err = s.folder.rewards.SetMember(ctx, public); err == nil {
		err = s.work(ctx, pinned)
	}
	return errors.Join(err, s.home.Close())
}

// work joins the group and runs the parts of the Nym-API.
func (s *Service) work(ctx context.Context, pinned rewards.Contract) error {
	info, err := s.join(ctx, pinned, s.config.Announce)
	if err != nil {
		return err
	}
	group, err := info.MakeGroup()
	if err != nil {
		return fmt.Errorf("members from the contract: %w", err)
	}
	if !group.Contains(s.home.Key.Public()) {
		return s.errNoMember(group)
	}
	s.keepName(ctx, info)
	if err := s.openEvidence(pinned, info, group, s.ownProofs()); err != nil {
		return err
	}
	s.writeTrusted(ctx, pinned, group, info)
	clock, err := s.openClock(ctx, pinned, group)
	if err != nil {
		return err
	}
	s.log.InfoContext(ctx, "member of the group", "key", s.home.Key.Public(), "group", group.Number(), "n", group.N(), "f", group.F(), "q", group.Q())

	work, ctx := errgroup.WithContext(ctx)
	start := func(f func(context.Context) error) { work.Go(func() error { return f(ctx) }) }
	start(clock.Run)
	start(func(ctx context.Context) error { return s.receipts.Load().Run(ctx, clock) })
	start(func(ctx context.Context) error { return s.evidence.Load().Run(ctx, clock) })
	start(func(ctx context.Context) error { return s.runCores(ctx, clock) })
	if pinned.PeerInfo != nil { // stored by an earlier start, so the contract was not asked
		start(s.recognise)
	}
	if s.config.Mode == Ephemera {
		err = s.runEphemera(ctx, clock, pinned, group, info, start)
	} else {
		err = s.runAlone(clock, start)
	}
	if err != nil {
		start(func(context.Context) error { return err }) // cancels the others
	}
	return work.Wait()
}

// parts returns the parts that every Nym-API runs.
func (s *Service) parts(clock *epoch.Clock, key block.Signer) (*rewards.Distributor, *rewards.Submitter, *rewards.Archive, error) {
	collecting, err := collector.New(s.config.Source, s.folder.samples, s.config.Ticks)
	if err != nil {
		return nil, nil, nil, err
	}
	submitter := rewards.NewSubmitter(rewards.Submitter{
		Key: key.Public(), Store: s.folder.rewards, Calendar: clock, Contract: s.contract(),
		Staged: s.config.Submit == Staged, Logger: s.log,
	})
	distributor := &rewards.Distributor{
		Key: key, Store: s.folder.rewards, Calendar: clock, Collector: collecting, Single: s.config.Mode == Single,
		Report: s.config.Behaviour.Report, Submit: submitter.Notify, Retention: s.config.Retention, Logger: s.log,
	}
	if s.config.Mode == Performance {
		distributor.Batch = s.client.SubmitBatch
	}
	archive := &rewards.Archive{Store: s.folder.rewards, Calendar: clock, Keep: s.config.Keep, Logger: s.log}
	return distributor, submitter, archive, nil
}

// runAlone starts a Nym-API without Ephemera.
func (s *Service) runAlone(clock *epoch.Clock, start func(func(context.Context) error)) error {
	distributor, submitter, archive, err := s.parts(clock, s.home.Key)
	if err != nil {
		return err
	}
	start(distributor.Run)
	start(submitter.Run)
	start(archive.Run)
	close(s.ready)
	return nil
}

// runEphemera starts a Nym-API with an embedded node.
func (s *Service) runEphemera(ctx context.Context, clock *epoch.Clock, pinned rewards.Contract, group *membership.Group, info contract.PeerInfo,
	start func(func(context.Context) error),
) error {
	distributor, submitter, archive, err := s.parts(clock, s.home.Key)
	if err != nil {
		return err
	}
	open, err := s.openBlocks(ctx, group)
	if err != nil {
		return err
	}
	caught, err := s.openOffences(ctx, info)
	if err != nil {
		return err
	}
	app, err := rewards.NewApplication(ctx, rewards.ApplicationConfig{
		Key: s.home.Key, Group: group, Store: s.folder.rewards, Calendar: clock, Open: open,
		Submit: submitter.Notify, Delivered: archive.Delivered, Offences: caught, Logger: s.log,
	})
	if err != nil {
		return err
	}
	newest, err := s.firstEpoch(ctx, clock)
	if err != nil {
		return err
	}
	n, err := s.openTransport(group, info)
	if err != nil {
		return err
	}
	err = s.openNode(n, app, newest)
	if err == nil {
		archive.Blocks = n.Node // it has damaged blocks fetched again
		err = s.openTable(n)
	}
	if err == nil {
		n.api, err = s.openAPI(n)
	}
	if err != nil {
		return errors.Join(err, n.close())
	}
	s.node.Store(n)
	s.log.InfoContext(ctx, "listening for other Nym-APIs", "addresses", n.addresses)
	distributor.Publish = func(ctx context.Context, d contract.Description, m block.Message) error {
		return s.publish(ctx, n, d, m)
	}

	start(func(ctx context.Context) error { return errors.Join(n.Run(ctx), n.close()) })
	start(func(ctx context.Context) error { return app.Run(ctx, n.Wake) })
	if n.api != nil {
		start(n.api.Run)
	}
	if n.table != nil {
		start(func(ctx context.Context) error { return s.state(ctx, n.table) })
	}
	start(distributor.Run)
	start(submitter.Run)
	start(archive.Run)
	start(func(ctx context.Context) error { return s.follow(ctx, n, pinned) })
	start(func(ctx context.Context) error {
		select {
		case <-n.Running():
			close(s.ready)
		case <-ctx.Done():
		}
		return nil
	})
	return nil
}

// firstEpoch waits until an epoch is known and returns the newest.
func (s *Service) firstEpoch(ctx context.Context, clock *epoch.Clock) (contract.Description, error) {
	for {
		changed := clock.Changed()
		if epochs := clock.Epochs(); len(epochs) > 0 {
			return epochs[len(epochs)-1].Description, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return contract.Description{}, ctx.Err()
		}
	}
}

// Ready returns a channel that is closed when the Nym-API is a member, its node is connected and
// its parts run.
func (s *Service) Ready() <-chan struct{} { return s.ready }

// Status is the status of a Nym-API.
type Status struct {
	Ready        bool            `json:"ready"`
	ContractAway bool            `json:"contract_away"`
	ContractTime contract.Millis `json:"contract_time"` // zero while it is unknown
	Epoch        contract.Epoch  `json:"epoch"`         // the newest, 0 if none is known
	// Members is the size of the group. It is 0 before the group is complete, without Ephemera, and
	// in sidecar mode, where the daemon has it.
	Members int `json:"members"`
	Online  int `json:"online"` // connected members, including this one
	// Receipts is the number of epochs whose receipt is kept. For ContractEquivocations of them the
	// contract signed two receipts, and for WithdrawnReceipts it had none when it was asked again.
	Receipts              int `json:"receipts"`
	ContractEquivocations int `json:"contract_equivocations"`
	WithdrawnReceipts     int `json:"withdrawn_receipts"`
	// Caught are the members that this Nym-API has caught, by name. Whose submissions the contract has
	// refused, the contract says.
	Caught []contract.Caught `json:"caught"`
	// Evidence is the number of files in the folder EvidenceFolder, each of which proves to others
	// that a Nym-API or the contract signed two things where one is allowed.
	Evidence int `json:"evidence"`
}

// Status returns the current status.
func (s *Service) Status() Status {
	var status Status
	select {
	case <-s.ready:
		status.Ready = true
	default:
	}
	status.ContractAway = s.away.Load()
	if clock := s.clock.Load(); clock != nil {
		status.ContractTime, _ = clock.Now()
		status.ContractAway = clock.Away()
		if epochs := clock.Epochs(); len(epochs) > 0 {
			status.Epoch = epochs[len(epochs)-1].Description.Epoch
		}
	}
	if kept := s.receipts.Load(); kept != nil {
		counts := kept.Counts()
		status.Receipts, status.ContractEquivocations, status.WithdrawnReceipts = counts.Kept, counts.Equivocations, counts.Withdrawn
	}
	status.Caught = s.offences.Load().list()
	if held := s.evidence.Load(); held != nil {
		status.Evidence = len(held.Convictions())
	}
	if n := s.node.Load(); n != nil {
		status.Members, status.Online = n.group.N(), len(n.transport.Online())+1
	}
	return status
}

// Addresses returns the multiaddrs at which others reach the node, nil before it listens.
func (s *Service) Addresses() []string {
	if n := s.node.Load(); n != nil {
		return n.addresses
	}
	return nil
}

// Traffic returns what the node has sent and received since the start. It does not include requests
// to the contract, which use Config.HTTPTransport.
func (s *Service) Traffic() transport.Traffic {
	if n := s.node.Load(); n != nil {
		return n.transport.Traffic()
	}
	return transport.Traffic{}
}
