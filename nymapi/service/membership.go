package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
	"github.com/ephemera-go/nym-rewarding/nymapi/rewards"
)

// ErrNotEnrolled reports that the contract does not accept this Nym-API as a member.
var ErrNotEnrolled = errors.New("the contract does not accept this Nym-API as a member")

// How often the contract is asked about members.
const (
	askFirst   = 100 * time.Millisecond
	askJoining = 500 * time.Millisecond // at most, until the group is complete
	askEagerly = 250 * time.Millisecond // at most, while eagerly lasts: members announce addresses
	askMost    = 2 * time.Second
	askSettled = 30 * time.Second // when everybody is connected

	eagerly = 10 * time.Second // after the start
)

// identify returns the contract that this folder belongs to: the stored one or, at the first start,
// the one at the configured address. At the first start it waits until the contract responds.
func (s *Service) identify(ctx context.Context) (rewards.Contract, error) {
	known, err := s.folder.rewards.Contract(ctx)
	if !errors.Is(err, rewards.ErrNotFound) {
		return known, err
	}
	info, err := s.ask(ctx)
	if err != nil {
		return rewards.Contract{}, err
	}
	return s.store(ctx, info)
}

// store stores a response of the contract. Another contract than before is an error.
func (s *Service) store(ctx context.Context, info contract.PeerInfo) (rewards.Contract, error) {
	c := rewards.Contract{Network: info.Network, Key: info.ContractKey}
	if info.Number > 0 {
		var err error
		if c.PeerInfo, err = json.Marshal(info); err != nil {
			return c, fmt.Errorf("store members: %w", err)
		}
	}
	return c, s.folder.rewards.SetContract(ctx, c)
}

// ask fetches the members, and retries until the contract responds.
func (s *Service) ask(ctx context.Context) (contract.PeerInfo, error) {
	return retry(ctx, askMost, func() (contract.PeerInfo, error) {
		info, err := s.client.PeerInfo(ctx)
		s.contractAway(ctx, err)
		return info, err
	})
}

// contractAway logs once when fetching the members fails, and once when it succeeds again.
func (s *Service) contractAway(ctx context.Context, err error) {
	switch {
	case ctx.Err() != nil:
	case err != nil && !s.away.Swap(true):
		s.log.WarnContext(ctx, "members not available from the contract, retrying", "contract", s.config.Contract, "err", err)
	case err == nil && s.away.Swap(false):
		s.log.InfoContext(ctx, "members available from the contract again")
	}
}

// member returns this Nym-API's entry among the members.
func (s *Service) member(info contract.PeerInfo) (contract.Member, bool) {
	i := slices.IndexFunc(info.Members, func(m contract.Member) bool { return m.Key == s.home.Key.Public() })
	if i < 0 {
		return contract.Member{}, false
	}
	return info.Members[i], true
}

// keepName takes the name with which this Nym-API is enrolled, which nothing changes later.
func (s *Service) keepName(ctx context.Context, info contract.PeerInfo) {
	enrolled, found := s.member(info)
	if !found || enrolled.Name == s.config.Name {
		return
	}
	s.log.WarnContext(ctx, "setting has no effect: the key is enrolled under another name; use a new folder for another name",
		"setting", "name", "given", s.config.Name, "kept", enrolled.Name)
	s.config.Name = enrolled.Name
}

// join enrols this Nym-API if it is not a member yet, and waits until the group is complete. It
// does not need the contract if the group is stored. Nil addresses are not known yet.
func (s *Service) join(ctx context.Context, known rewards.Contract, addresses []string) (contract.PeerInfo, error) {
	if known.PeerInfo != nil {
		var info contract.PeerInfo
		if err := json.Unmarshal(known.PeerInfo, &info); err != nil {
			return info, fmt.Errorf("load members: %w", err)
		}
		return info, nil
	}
	said := false
	return retry(ctx, askJoining, func() (contract.PeerInfo, error) {
		info, err := s.ask(ctx)
		if err != nil {
			return info, backoff.Permanent(err)
		}
		if stored, err := s.store(ctx, info); err != nil || stored.PeerInfo != nil {
			return info, backoff.Permanent(err)
		}
		if _, enrolled := s.member(info); !enrolled {
			if err := s.enrol(ctx, known, addresses); err != nil {
				return info, backoff.Permanent(err)
			}
		}
		if !said {
			said = true
			s.log.InfoContext(ctx, "waiting for the group to be complete", "enrolled", len(info.Members), "expected", info.Expected)
		}
		return info, errAgain
	})
}

// recognise checks the identity of the contract as soon as it responds. The error is
// rewards.ErrOtherContract if it is another one than before.
func (s *Service) recognise(ctx context.Context) error {
	info, err := s.ask(ctx)
	if err != nil {
		return nil // stopped before it answered
	}
	_, err = s.store(ctx, info)
	return err
}

// enrol sends one enrolment. A refusal is ErrNotEnrolled with the contract's reason. It returns nil
// if there is no response: the list of members shows whether the enrolment was received.
func (s *Service) enrol(ctx context.Context, c rewards.Contract, addresses []string) error {
	counter, err := s.folder.rewards.NextEnrolment(ctx)
	if err != nil {
		return err
	}
	enrolment := contract.Enrolment{Name: s.config.Name, Addresses: addresses, Counter: counter}
	if addresses == nil {
		enrolment.Addresses = []string{}
	}
	_, err = s.client.Enrol(ctx, enrolment.Sign(s.home.Key, c.Network, c.Key), s.config.Token)
	var problem *contract.Problem
	switch {
	case errors.As(err, &problem) && !problem.Temporary():
		return fmt.Errorf("%w: %w", ErrNotEnrolled, err)
	case err != nil:
		s.contractAway(ctx, err)
	default:
		s.log.InfoContext(ctx, "enrolled", "name", s.config.Name, "addresses", addresses)
	}
	return nil
}

// follow keeps the addresses of members up to date, at the contract and in the transport, until ctx
// is done.
func (s *Service) follow(ctx context.Context, n *node, c rewards.Contract) error {
	refused, began, next := false, time.Now(), waits(askMost)
	for {
		pause := next.NextBackOff()
		info, err := s.client.PeerInfo(ctx)
		s.contractAway(ctx, err)
		if err == nil {
			changed, err := s.refresh(ctx, n, info)
			if err != nil {
				return err
			}
			self, _ := s.member(info)
			told := slices.Equal(self.Addresses, n.addresses)
			if !told && !refused {
				if refused, err = s.tell(ctx, n, c); err != nil {
					return err
				}
			}
			switch {
			case changed:
				next.Reset()
				pause = next.NextBackOff()
			case told && len(n.transport.Online()) == len(info.Members)-1:
				next.Reset()
				pause = askSettled
			case time.Since(began) < eagerly:
				pause = min(pause, askEagerly)
			}
		}
		if !wait.For(ctx, pause) {
			return nil
		}
	}
}

// tell enrols with the addresses that this Nym-API listens on. It returns true if the contract
// refuses them: then no member can dial this one, but this one dials the others.
func (s *Service) tell(ctx context.Context, n *node, c rewards.Contract) (refused bool, err error) {
	err = s.enrol(ctx, c, n.addresses)
	if errors.Is(err, ErrNotEnrolled) {
		s.log.WarnContext(ctx, "contract refused our addresses", "addresses", n.addresses, "err", err)
		return true, nil
	}
	return false, err
}

// refresh adopts changed addresses, and reports whether there were any. It ignores a list of
// another group.
func (s *Service) refresh(ctx context.Context, n *node, info contract.PeerInfo) (changed bool, err error) {
	same := slices.EqualFunc(info.Members, n.members, func(a, b contract.Member) bool { return slices.Equal(a.Addresses, b.Addresses) })
	if same && info.Group == n.group.ID() {
		return false, nil
	}
	if _, err := s.store(ctx, info); err != nil { // for example another contract
		return false, err
	}
	if info.Group != n.group.ID() {
		s.log.ErrorContext(ctx, "contract returned the members of another group", "group", info.Group, "ours", n.group.ID())
		return false, nil
	}
	if err := n.Adopt(ctx, n.group, info.Peers()); err != nil && ctx.Err() == nil {
		s.log.WarnContext(ctx, "addresses of members rejected", "err", err)
	}
	n.members = info.Members
	return true, nil
}

// reachable returns the addresses without loopback ones, or all if there are only loopback ones.
func reachable(addresses []string) []string {
	others := slices.DeleteFunc(slices.Clone(addresses), func(address string) bool {
		parts := strings.Split(address, "/")
		if len(parts) < 3 || parts[1] != "ip4" && parts[1] != "ip6" {
			return false
		}
		ip, err := netip.ParseAddr(parts[2])
		return err == nil && ip.IsLoopback()
	})
	if len(others) == 0 {
		others = addresses
	}
	return others[:min(len(others), contract.MaxAddresses)]
}

// Key returns the member's public key, and false before Run has opened the folder.
func (s *Service) Key() (keys.Public, bool) {
	if key := s.key.Load(); key != nil {
		return *key, true
	}
	return keys.Public{}, false
}
