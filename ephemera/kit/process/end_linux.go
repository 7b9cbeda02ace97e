package process

import "syscall"

// EndWithParent makes a process end when the process that started it does, however that ends.
func EndWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
