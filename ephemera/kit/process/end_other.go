//go:build !linux

package process

import "syscall"

// EndWithParent has no effect on this system.
func EndWithParent() *syscall.SysProcAttr { return nil }
