// Short messages at the edge of the page, also read aloud by screen readers.

import { dismiss, notices } from "../state/app";
import { t } from "../words";
import { Icon } from "./Icon";

export function Notices() {
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.value.map((notice) => (
        <div key={notice.id} class="notice" data-bad={notice.bad}>
          <p>{notice.text}</p>
          {notice.undo && (
            <button
              type="button"
              class="quiet"
              onClick={() => {
                dismiss(notice.id);
                notice.undo!();
              }}
            >
              <Icon name="undo" size={16} />
              {t("undo")}
            </button>
          )}
          <button type="button" class="quiet round" aria-label={t("close")} onClick={() => dismiss(notice.id)}>
            <Icon name="close" size={16} />
          </button>
        </div>
      ))}
    </div>
  );
}
