// Package answers says what the results of an experiment mean: means with intervals, differences
// between rules, the best rule by the criterion of docs/ESTIMATORS.md, figures, tables and a page.
// It computes from records alone, plays nothing, and the same records yield the same bytes.
package answers
