// Each module is one behaviour, wired by data attributes; every page reads and every form posts without them.
import "./keys.js";
import "./panels.js";
import "./send-once.js";
import "./copy.js";
import "./choose.js";
import "./reload.js";
import "./unfold.js";
import "./axis.js";
