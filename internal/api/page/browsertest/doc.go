// Package browsertest shows the public pages to Chromium, in each of their states,
// widths and schemes, and holds them to what a reader needs of them: no violation
// that axe-core finds, nothing wider than the screen, no complaint in the console,
// and everything there without JavaScript.
//
// It is a package of its own so that nothing that is shipped links the driver of
// the browser. With -screenshots, or SONDE_SCREENSHOTS, it writes a picture of each
// page into a folder.
package browsertest
