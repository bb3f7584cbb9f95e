// Each module is one behaviour, wired by data attributes; every page reads and every form posts without them.
import "./keys.js";
import "./panels.js";
import "./send-once.js";
import "./copy.js";
import "./choose.js";
import "./morph.js";
import "./arrivals.js";
import "./live.js";
import "./title.js";
import "./times.js";
import "./unfold.js";
import "./axis.js";
import "./composer.js";
