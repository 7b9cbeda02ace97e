// Package spread measures how much the submitters of a window disagree: each submitter with the
// others, and all of them about each node. Every figure has an interval of a block bootstrap over
// epochs, and who stands out follows from a criterion that is written at [Criterion].
//
// Nobody knows the truth here. A submitter that is far from the others may be the only one that is
// right, and submitters that are wrong alike do not disagree.
//
// The package is pure. The same window gives the same figures on any machine of one architecture;
// they are floating-point numbers for people.
package spread
