// Package honest runs the honest members of a group as processes, submits messages to them, and
// measures from outside how they fare: by their API, their metrics, and /proc.
package honest
