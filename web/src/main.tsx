import "./style/base.css";
import "./style/frame.css";
import "./style/parts.css";
import "./style/views.css";

import { render } from "preact";
import { App } from "./App";
import { begin, watchTheme } from "./state/app";
import { listen } from "./state/route";
import { watchLanguage } from "./words";

listen();
watchTheme();
watchLanguage();
render(<App />, document.getElementById("page")!);
void begin();
