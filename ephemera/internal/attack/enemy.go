package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/internal/attack/attacker"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/attack/honest"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/process"
)

// enemy is the process that attacks.
type enemy struct {
	command *exec.Cmd
	input   io.Closer   // closing it ends the attack
	lines   chan string // what it writes; closed when it ends
}

// startHostile starts this program as the attacker with the key in a folder.
func startHostile(folder, attack string) (*enemy, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	e := &enemy{command: exec.Command(program, hostile, folder, attack), lines: make(chan string, 8)}
	e.command.Stderr = os.Stderr
	e.command.SysProcAttr = process.EndWithParent()
	if e.input, err = e.command.StdinPipe(); err != nil {
		return nil, err
	}
	output, err := e.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := e.command.Start(); err != nil {
		return nil, fmt.Errorf("start the attacker: %w", err)
	}
	go func() {
		defer close(e.lines)
		for lines := bufio.NewScanner(output); lines.Scan(); {
			e.lines <- lines.Text()
		}
	}()
	return e, nil
}

// ready waits until the attack begins.
func (e *enemy) ready(limit time.Duration) error {
	line, err := e.line(limit)
	if err == nil && line != attacker.Ready {
		err = fmt.Errorf("the attacker wrote %q, expected %q", line, attacker.Ready)
	}
	return err
}

var errAttacker = errors.New("the attacker ended or wrote nothing")

func (e *enemy) line(limit time.Duration) (string, error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case line, ok := <-e.lines:
		if !ok {
			return "", errAttacker
		}
		return line, nil
	case <-timer.C:
		return "", errAttacker
	}
}

// stop ends the attack and returns what the attacker did.
func (e *enemy) stop() (counts attacker.Counts, err error) {
	defer e.kill()
	_ = e.input.Close()
	const limit = 10 * time.Second
	line, err := e.line(limit)
	if err == nil {
		err = json.Unmarshal([]byte(line), &counts)
	}
	return counts, err
}

// kill ends the process. It may be called more than once.
func (e *enemy) kill() {
	if e.command == nil {
		return
	}
	_ = e.command.Process.Kill()
	for range e.lines { // until it ends
	}
	_ = e.command.Wait()
	e.command = nil
}

// time returns the CPU time that the attacker has used.
func (e *enemy) time() time.Duration { return honest.ProcessTime(e.command.Process.Pid) }
