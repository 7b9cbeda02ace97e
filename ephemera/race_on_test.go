//go:build race

package ephemera_test

const raceDetector = true
