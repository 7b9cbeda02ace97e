// Package pythontest checks the evidence of epochs with a second implementation: verify.py, in
// Python 3 with its standard library alone, was written from docs/BUNDLE.md and not from the Go
// code. So the page is enough to write a verifier, and both read it in the same way.
//
// The tests make bundles and keep them in testdata, have verify.py recompute them, and show it
// forged ones. Without python3 they are skipped. The package itself is empty.
package pythontest
