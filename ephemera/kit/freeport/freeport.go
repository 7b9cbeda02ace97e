// Package freeport finds ports of the loopback interface for servers that must know their port
// before they listen, or listen on it again after a restart.
//
// The package is unstable: it is public only because the modules of this repository share it.
package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports that this package finds. Systems take the ports of outgoing connections, and of listeners
// that leave the choice to them, from a range above: from 32768 on Linux, 49152 elsewhere. So
// nobody else's connection takes a port before the server listens on it.
const (
	lowest  = 10_240
	highest = 32_767
)

const attempts = 1000 // to find a port on which nobody listens

// Ports returns count different ports on which nobody listens. Another process that calls Ports may
// find the same ones, which is unlikely.
func Ports(count int) ([]int, error) {
	none := fmt.Errorf("no %d free ports among %d..%d of the loopback interface", count, lowest, highest)
	if count > highest-lowest+1 {
		return nil, none
	}
	ports := make([]int, 0, count)
	for range count + attempts {
		if len(ports) == count {
			return ports, nil
		}
		port := lowest + rand.IntN(highest-lowest+1)
		listener, err := net.Listen("tcp", address(port))
		if err != nil {
			continue
		}
		defer listener.Close() // at the end, so that no port is found twice
		ports = append(ports, port)
	}
	return nil, none
}

// Address returns a host and a port of the loopback interface on which nobody listens.
func Address() (string, error) {
	ports, err := Ports(1)
	if err != nil {
		return "", err
	}
	return address(ports[0]), nil
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
