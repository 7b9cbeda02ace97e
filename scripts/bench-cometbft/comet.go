package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/libs/log"
	"github.com/cometbft/cometbft/mempool"
	"github.com/cometbft/cometbft/node"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/privval"
	"github.com/cometbft/cometbft/proxy"
	"github.com/cometbft/cometbft/types"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/freeport"
)

// cometCluster is a network of validators of equal power, each connected with all others.
type cometCluster struct {
	nodes    []*node.Node
	counters []*counter
}

// application counts the transactions of committed blocks.
type application struct {
	abci.BaseApplication
	delivered *counter
	waiting   int // of the block that is not committed yet
}

func (a *application) FinalizeBlock(_ context.Context, request *abci.RequestFinalizeBlock) (*abci.ResponseFinalizeBlock, error) {
	a.waiting = len(request.Txs)
	results := make([]*abci.ExecTxResult, len(request.Txs))
	for i := range results {
		results[i] = &abci.ExecTxResult{}
	}
	return &abci.ResponseFinalizeBlock{TxResults: results}, nil
}

// Commit is called after the block and the state that follows from it are decided and stored.
func (a *application) Commit(context.Context, *abci.RequestCommit) (*abci.ResponseCommit, error) {
	a.delivered.add(a.waiting)
	a.waiting = 0
	return &abci.ResponseCommit{}, nil
}

func newComet(ctx context.Context, dir string, n int) (cluster, error) {
	c := &cometCluster{}
	ports, err := freeport.Ports(n)
	if err != nil {
		return nil, err
	}
	genesis := &types.GenesisDoc{ChainID: network, GenesisTime: time.Now(), ConsensusParams: types.DefaultConsensusParams()}
	configs := make([]*config.Config, n)
	validators := make([]*privval.FilePV, n)
	identities := make([]*p2p.NodeKey, n)
	var peers []string
	for i := range n {
		configs[i] = configure(filepath.Join(dir, strconv.Itoa(i)), ports[i])
		for _, folder := range []string{config.DefaultConfigDir, config.DefaultDataDir} {
			if err := os.MkdirAll(filepath.Join(configs[i].RootDir, folder), 0o700); err != nil {
				return nil, fmt.Errorf("make a validator's folder: %w", err)
			}
		}
		validators[i] = privval.LoadOrGenFilePV(configs[i].PrivValidatorKeyFile(), configs[i].PrivValidatorStateFile())
		if identities[i], err = p2p.LoadOrGenNodeKey(configs[i].NodeKeyFile()); err != nil {
			return nil, err
		}
		key, err := validators[i].GetPubKey()
		if err != nil {
			return nil, err
		}
		genesis.Validators = append(genesis.Validators, types.GenesisValidator{PubKey: key, Power: 1})
		peers = append(peers, p2p.IDAddressString(identities[i].ID(), fmt.Sprintf("127.0.0.1:%d", ports[i])))
	}
	if err := genesis.ValidateAndComplete(); err != nil {
		return nil, err
	}
	for i := range n {
		configs[i].P2P.PersistentPeers = strings.Join(append(append([]string(nil), peers[:i]...), peers[i+1:]...), ",")
		delivered := newCounter()
		validator, err := node.NewNode(configs[i], validators[i], identities[i],
			proxy.NewLocalClientCreator(&application{delivered: delivered}),
			func() (*types.GenesisDoc, error) { return genesis, nil },
			config.DefaultDBProvider, node.DefaultMetricsProvider(configs[i].Instrumentation), log.NewNopLogger())
		if err != nil {
			return nil, err
		}
		if err := validator.Start(); err != nil {
			return nil, err
		}
		c.nodes, c.counters = append(c.nodes, validator), append(c.counters, delivered)
	}
	for i, validator := range c.nodes {
		for validator.Switch().Peers().Size() < n-1 {
			select {
			case <-ctx.Done():
				return nil, fmt.Errorf("validator %d is connected with %d of %d others: %w", i, validator.Switch().Peers().Size(), n-1, ctx.Err())
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
	return c, nil
}

// configure returns the settings of a validator: the defaults, tuned for short rounds.
func configure(root string, port int) *config.Config {
	c := config.DefaultConfig()
	c.SetRoot(root)
	c.RPC.ListenAddress = ""
	c.P2P.ListenAddress = fmt.Sprintf("tcp://127.0.0.1:%d", port)
	c.P2P.AddrBookStrict, c.P2P.AllowDuplicateIP, c.P2P.PexReactor = false, true, false
	c.P2P.MaxNumInboundPeers, c.P2P.MaxNumOutboundPeers = 200, 200
	c.P2P.SendRate, c.P2P.RecvRate = 1<<30, 1<<30
	c.P2P.FlushThrottleTimeout = time.Millisecond
	c.Consensus.SkipTimeoutCommit, c.Consensus.TimeoutCommit = true, 0
	c.Consensus.CreateEmptyBlocks = false
	c.Consensus.PeerGossipSleepDuration = 2 * time.Millisecond
	c.TxIndex.Indexer = "null"
	return c
}

func (c *cometCluster) round(ctx context.Context, number int) error {
	for i, validator := range c.nodes {
		if err := validator.Mempool().CheckTx(report(i, number), nil, mempool.TxInfo{}); err != nil {
			return err
		}
	}
	for _, delivered := range c.counters {
		if err := delivered.await(ctx, (number+1)*len(c.nodes)); err != nil {
			return err
		}
	}
	return nil
}
